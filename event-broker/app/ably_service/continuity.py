"""Whether all messages of a channel are recorded, as far as one process can say. Pure values.

What happens to the channel comes in, the next value goes out. Messages may be missing from an
attachment that did not resume the one before until a look back at what was published went through,
and one that could not be recorded is missing until a look back has read it again. What the SDK
dropped is missing until history was read or, where the key may not, until it was told as lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class Continuity:
    """One channel, at one moment."""

    attached: bool = False
    #: Whether a look back went through since messages may have been missed.
    whole: bool = False
    #: Times that messages may have been missed, ever: what a look back finds holds only if none
    #: came meanwhile.
    losses: int = 0
    #: Messages that could not be recorded, and were not read again yet.
    unrecorded: int = 0
    #: Times that the SDK dropped something, and nobody has looked after it yet.
    dropped: int = 0

    @property
    def caught_up(self) -> bool:
        """Whether everything older than what comes now is recorded, or told as lost."""
        return self.whole and not self.dropped

    @property
    def unbroken(self) -> bool:
        """Whether everything that is published is recorded as it comes."""
        return self.attached and self.caught_up and not self.unrecorded

    def joined(self, *, resumed: bool) -> Continuity:
        """The channel was attached; `resumed` when nothing was missed since the last time."""
        joined = replace(self, attached=True)
        return joined if resumed else joined.lost()

    def parted(self) -> Continuity:
        """Nothing arrives any more; that may be made up for by a resumption."""
        return replace(self, attached=False)

    def lost(self) -> Continuity:
        """Messages may have been missed."""
        return replace(self, whole=False, losses=self.losses + 1)

    def unproven(self) -> Continuity:
        """Nothing is known to be missed, but a look back has to find that out in another way."""
        return replace(self, whole=False)

    def spoiled(self) -> Continuity:
        """A message arrived that could not be recorded."""
        return replace(self.lost(), unrecorded=self.unrecorded + 1)

    def bereft(self) -> Continuity:
        """The SDK dropped something. Attaching afresh would only bring it back to be dropped."""
        return replace(self, dropped=self.dropped + 1)

    def answered(self, begun: Continuity) -> Continuity:
        """What had been dropped at `begun` was read from history, or told as lost."""
        return replace(self, dropped=self.dropped - begun.dropped)

    def found(self, begun: Continuity) -> Continuity:
        """A look back that began at `begun` went through; what came meanwhile needs another."""
        if self.losses != begun.losses:
            return self
        return replace(self, whole=self.whole or self.attached, unrecorded=0)
