"""Connections to the API: how many there are, and how long one may keep us waiting.

Whoever reaches the port can open a connection, with or without a key. One that owes us a request,
or the rest of one, is closed after a while, and at once when there are too many; if none does, the
one that asked longest ago, such as a stream that has run for hours. uvicorn counts connections too,
but refuses the requests of everybody then, those of probes included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

#: More than people and their programs have open, and few enough to leave files for the trading.
MAX_CONNECTIONS = 256
#: Requests are small: a whole one takes a slow line a second.
REQUEST_SECONDS = 10.0


class LimitedConfig(uvicorn.Config):
    """uvicorn's configuration, with connections that are limited."""

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        max_connections: int = MAX_CONNECTIONS,
        request_seconds: float = REQUEST_SECONDS,
        **others: Any,
    ) -> None:
        # Requests whose clients are gone count as well, so this stops what connections do not.
        most = 2 * max_connections
        super().__init__(app, http=LimitedConnection, limit_concurrency=most, **others)
        self.max_connections = max_connections
        self.request_seconds = request_seconds


class LimitedConnection(H11Protocol):
    """One connection; its time runs while a request is awaited or incomplete."""

    config: LimitedConfig
    _overdue: asyncio.TimerHandle | None = None
    #: By the loop's clock: when it was last its turn to ask, or ours to answer.
    _since = 0.0

    @property
    def waits(self) -> bool:
        """Whether the client owes us a request or the rest of one."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look_at_the_clock()
        if len(self.connections) > self.config.max_connections:
            self._close_one()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_the_clock()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look_at_the_clock()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        if not self.waits or self.transport.is_closing():
            self._stop_the_clock()
        elif self._overdue is None:
            seconds = self.config.request_seconds
            self._since = self.loop.time()
            self._overdue = self.loop.call_later(seconds, self.transport.abort)

    def _stop_the_clock(self) -> None:
        if self._overdue is not None:
            self._since = self.loop.time()
            self._overdue.cancel()
            self._overdue = None

    def _close_one(self) -> None:
        """The one that has kept us waiting longest: whoever asks something gets an answer.

        When nobody else does, the one whose answer takes longest, that of a stream for instance.
        """
        others = [c for c in self.connections if isinstance(c, LimitedConnection) and c is not self]
        closed = min(others, key=lambda c: (not c.waits, c._since), default=self)
        # Its end is told later, and it shall not be counted until then.
        self.connections.discard(closed)
        closed._stop_the_clock()
        closed.transport.abort()
