"""How to reach Ably, and how patient to be with it.

Settings go in, frozen values come out. Every default has its reason; sources are Ably's
documentation and what was measured against its SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr


class AblySettings(Protocol):
    """What is read of the environment."""

    @property
    def ably_key(self) -> SecretStr | None: ...
    @property
    def ably_endpoint(self) -> str | None: ...
    @property
    def ably_rest_endpoint(self) -> str | None: ...
    @property
    def ably_rest_port(self) -> int | None: ...
    @property
    def ably_tls(self) -> bool: ...
    @property
    def ably_history_retention(self) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Key and addresses; an `endpoint` of None is the library's own."""

    key: str = field(repr=False)
    #: Host of the realtime service; a port rides inside it, because the SDK has no other way.
    endpoint: str | None = None
    rest_endpoint: str | None = None
    rest_port: int | None = None
    tls: bool = True

    @classmethod
    def of(cls, settings: AblySettings) -> Access | None:
        """From the environment, or None without a key. Without an address of its own, REST is where
        the realtime service is."""
        if settings.ably_key is None:
            return None
        host, port = _split(settings.ably_endpoint)
        return cls(
            key=settings.ably_key.get_secret_value(),
            endpoint=settings.ably_endpoint,
            rest_endpoint=settings.ably_rest_endpoint or host,
            rest_port=settings.ably_rest_port or port,
            tls=settings.ably_tls,
        )


def _split(endpoint: str | None) -> tuple[str | None, int | None]:
    host, colon, port = (endpoint or "").rpartition(":")
    if colon and port.isdecimal():
        return host, int(port)
    return endpoint, None


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """Deadlines and intervals, in seconds."""

    #: Every default channel keeps two minutes, so a look each minute loses nothing.
    sweep_every: float = 60.0
    #: Looking back this far behind what is surely known costs little and finds late arrivals.
    overlap: float = 600.0
    #: History may show a message this much later than it is delivered, so what it does not show
    #: is surely not there only after this.
    indexing: float = 15.0
    #: A history request; the SDK itself gives up after 15 s with all its hosts.
    request: float = 30.0
    #: After a failed request or a failed write to the store; doubled each time up to a sweep.
    retry_first: float = 1.0
    #: Two missed pings make a connection dead: under a minute, as a human would notice.
    ping_every: float = 20.0
    ping: float = 12.0
    #: The SDK retries by itself for longer, but a new client has recovered from all that was seen.
    disconnected: float = 180.0
    #: Closing a dead socket would take 10 s, and whoever ends the service has three.
    close: float = 2.0
    #: A refused key or channel: long enough not to look like an attack, short enough to come back
    #: unattended when the publisher repairs it.
    refused: float = 600.0
    #: Options of the SDK (milliseconds) that differ from its defaults.
    sdk: Mapping[str, int] = field(default_factory=dict)

    def retry(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (1 for the first)."""
        doubled = self.retry_first * 2.0 ** min(failures - 1, 16)
        return min(doubled, self.sweep_every)
