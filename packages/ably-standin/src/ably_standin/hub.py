"""What the WebSocket, REST and the controls share: channels, connections, keys, faults."""

import asyncio
import itertools
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .access import Access
from .channels import Channel, Published, serial_of
from .clock import ServerClock
from .codec import Wire
from .faults import Faults
from .protocol import (
    CONNECTION_STATE_TTL,
    DEFAULT_RETENTION,
    MAX_IDLE_INTERVAL,
    MAX_PAGE_SIZE,
)
from .received import ReceivedLog

if TYPE_CHECKING:
    from .connection import Connection


@dataclass(slots=True, kw_only=True)
class Limits:
    """What the server does by itself; times in milliseconds."""

    connection_state_ttl: int = CONNECTION_STATE_TTL
    max_idle_interval: int = MAX_IDLE_INTERVAL
    retention: int = DEFAULT_RETENTION
    page_size: int = MAX_PAGE_SIZE


@dataclass(slots=True, kw_only=True)
class Identity:
    """A connection as the server remembers it, with or without a socket."""

    connection_id: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    key: str = ""
    #: when (ms) its socket was lost; `None` while it has one
    lost_at: int | None = None

    def __post_init__(self) -> None:
        self.key = self.key or f"{self.connection_id}!{secrets.token_urlsafe(12)}"


class Hub:
    """One app of the stand-in."""

    def __init__(self, keys: Iterable[str], clock: ServerClock, limits: Limits) -> None:
        self.clock = clock
        self.limits = limits
        self.access = Access(keys)
        self.faults = Faults()
        self.received = ReceivedLog()
        self.connections: set[Connection] = set()
        self.identities: dict[str, Identity] = {}
        #: set when the server stops, so that slow replies do not hold it up
        self.stopping = asyncio.Event()
        self._channels: dict[str, Channel] = {}
        self._numbers = itertools.count(1)

    def channel(self, name: str) -> Channel:
        """The channel of that bare name; it exists from now on."""
        if name not in self._channels:
            self._channels[name] = Channel(name, self._next_serial())
        return self._channels[name]

    def publish(
        self,
        name: str,
        messages: Sequence[Mapping[str, object]],
        *,
        frame_id: str | None = None,
        timestamp: int | None = None,
        deliver: bool = True,
        connection_id: str = "publisher",
    ) -> Published:
        """Store one protocol message, and deliver it to all who are attached."""
        channel = self.channel(name)
        published = channel.publish(
            messages,
            frame_id=frame_id or f"{secrets.token_urlsafe(6)}:0",
            serial=self._next_serial(),
            at=self.clock.now() if timestamp is None else timestamp,
            connection_id=connection_id,
        )
        if deliver:
            self.deliver(name, published.frame)
        return published

    def accept(
        self, name: str, messages: Sequence[Wire], connection_id: str = "publisher"
    ) -> Published:
        """Publish what a client sent, unless its id says that it was published just before."""
        first_id = messages[0].get("id") if messages else None
        if first_id is not None:
            repeated = self.channel(name).repeated(first_id, self.clock.now())
            if repeated is not None:
                return repeated
        base = str(first_id).rpartition(":")[0] if first_id is not None else ""
        return self.publish(name, messages, frame_id=base or None, connection_id=connection_id)

    def deliver(self, name: str, frame: Wire) -> None:
        """Send a MESSAGE to every connection that is attached to the channel."""
        for connection in tuple(self.connections):
            connection.deliver(name, frame)

    def oldest_kept(self) -> int:
        """The time (ms) before which history has nothing."""
        return self.clock.now() - self.limits.retention

    def _next_serial(self) -> str:
        return serial_of(self.clock.now(), next(self._numbers))
