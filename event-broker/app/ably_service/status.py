"""What is known of the connection and of each channel: frozen values, for health and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertKind(StrEnum):
    """What an operator is told about."""

    #: The key is refused: no message arrives until it is repaired.
    KEY_REFUSED = "ably_key_refused"
    #: This channel cannot be attached; the others go on.
    CHANNEL_REFUSED = "ably_channel_refused"
    #: Messages may have been missed, and nobody will ever know.
    GAP = "ably_gap"
    #: The key may not read history, so gaps cannot be filled.
    HISTORY_FORBIDDEN = "ably_history_forbidden"
    #: A message that cannot be decoded.
    MALFORMED = "ably_malformed_message"
    #: The store could not record a message; it is read again from history.
    NOT_RECORDED = "ably_message_not_recorded"


class Connection(StrEnum):
    """Where the connection as a whole is."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    #: It said connected, or nothing, and did not answer: a new client is being built.
    DEAD = "dead"
    KEY_REFUSED = "key_refused"
    NO_KEY = "no_key"


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedStatus:
    """One channel."""

    channel: str
    attached: bool = False
    #: Whether everything since the last attachment is recorded.
    caught_up: bool = False
    #: Server time up to which surely everything was recorded; None before the first contact.
    continuous_until: datetime | None = None
    #: Server time of the latest message.
    last_message_at: datetime | None = None
    #: A message is known to be missing in the store and is being read again.
    dirty: bool = False
    #: None until it was tried.
    history_permitted: bool | None = None
    #: Gaps recorded since the service started.
    gaps: int = 0
    #: What is wrong with it now.
    problem: str | None = None

    @property
    def healthy(self) -> bool:
        """Whether a message that is published now is recorded at once, and none is missing."""
        return self.attached and self.caught_up and not self.dirty and self.problem is None


@dataclass(frozen=True, kw_only=True, slots=True)
class AblyStatus:
    """The connection and its channels."""

    connection: Connection
    feeds: tuple[FeedStatus, ...] = ()
    #: Clients that were thrown away because they had died.
    rebuilds: int = 0
    last_error: str | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection is up and answered its latest ping."""
        return self.connection is Connection.CONNECTED

    @property
    def healthy(self) -> bool:
        """Whether nothing at all is wrong."""
        return self.connected and all(feed.healthy for feed in self.feeds)
