"""Faults of the wire: connections that end, frames that arrive in pieces, together or broken.

A `Hit` comes in; bytes go to its connection past the rules behind this one. Never: a meaning.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from ibkr_simulator.frames import MAX_PAYLOAD

from .hit import Hit


class Ending(StrEnum):
    #: reset: what was not read yet is lost
    RST = "rst"
    #: closed in good order, after all that was sent before
    FIN = "fin"
    #: it stays open, and says and hears nothing any more
    HALF_OPEN = "half-open"


class Damage(StrEnum):
    #: a payload of random bytes
    GARBAGE = "garbage"
    #: a payload that ends in the middle of its fields
    CUT = "cut"
    #: a length that is none, after which nothing makes sense
    LENGTH = "length"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """The connection ends at the message, which is `delivered` before or lost with it.

    A half-open connection ends when its client closes it, or after `seconds` if that is not 0.
    """

    how: Ending = Ending.RST
    delivered: bool = False
    seconds: float = 0.0

    def __call__(self, hit: Hit) -> None:
        if self.delivered:
            hit.proceed()
        match self.how:
            case Ending.RST:
                hit.connection.reset()
            case Ending.FIN:
                hit.connection.close("a fault")
            case Ending.HALF_OPEN:
                hit.connection.fall_silent()
                if self.seconds:
                    hit.later(self.seconds, hit.connection.reset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """The message arrives in pieces of so many bytes, one a turn of the event loop."""

    size: int = 1

    def __call__(self, hit: Hit) -> None:
        frame = hit.connection.frame(hit.message)
        pieces = [frame[at : at + self.size] for at in range(0, len(frame), self.size)]
        hit.connection.trickle(pieces)


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """The message waits for the next one and arrives with it, in one piece."""

    def __call__(self, hit: Hit) -> None:
        hit.connection.keep_for_next(hit.connection.frame(hit.message))


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrupt:
    """The message arrives damaged; garbage is drawn from `seed` and the count of the hits."""

    how: Damage = Damage.GARBAGE
    seed: int = 0

    def __call__(self, hit: Hit) -> None:
        frame = hit.connection.frame(hit.message)
        head, payload = frame[:4], frame[4:]
        match self.how:
            case Damage.GARBAGE:
                payload = Random(f"{self.seed}/{hit.number}").randbytes(len(payload))
            case Damage.CUT:
                payload = b"\0".join(payload.split(b"\0")[:2]) + b"\0"
                head = len(payload).to_bytes(4, "big")
            case Damage.LENGTH:
                head = (MAX_PAYLOAD + 1).to_bytes(4, "big")
        hit.connection.trickle([head + payload])
