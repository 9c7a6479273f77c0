"""Connections to the API: how many there are, and how long one may keep us waiting.

Whoever reaches the port can open a connection, with or without a key. One that owes us a request,
or the rest of one, is closed after a while, and at once when there are too many; if none does, the
one whose answer has begun longest ago, a stream. One whose request is being carried out comes last.
A stream that is never read would keep its place for ever, so no answer takes longer than an hour:
whoever follows something asks again. uvicorn counts connections too, but refuses the requests of
everybody then, those of probes included.
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
#: Only streams take so long.
ANSWER_SECONDS = 3600.0


class LimitedConfig(uvicorn.Config):
    """uvicorn's configuration, with connections that are limited."""

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        max_connections: int = MAX_CONNECTIONS,
        request_seconds: float = REQUEST_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        **others: Any,
    ) -> None:
        # Requests whose clients are gone count as well, so this stops what connections do not.
        most = 2 * max_connections
        super().__init__(app, http=LimitedConnection, limit_concurrency=most, **others)
        self.max_connections = max_connections
        self.request_seconds = request_seconds
        self.answer_seconds = answer_seconds


class LimitedConnection(H11Protocol):
    """One connection, with a time for each request and for each answer."""

    config: LimitedConfig
    _overdue: asyncio.TimerHandle | None = None
    #: Whether it was the client's turn when that was set.
    _waited = False
    #: By the loop's clock: when it was last its turn to ask, or ours to answer.
    _since = 0.0

    @property
    def waits(self) -> bool:
        """Whether the client owes us a request or the rest of one."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    @property
    def is_carried_out(self) -> bool:
        """Whether nobody knows yet what became of its request."""
        return not self.waits and not (self.cycle and self.cycle.response_started)

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
        waits = self.waits
        if self._overdue is not None and waits is self._waited and not self.transport.is_closing():
            return
        self._stop_the_clock()
        if not self.transport.is_closing():
            seconds = self.config.request_seconds if waits else self.config.answer_seconds
            self._waited, self._since = waits, self.loop.time()
            self._overdue = self.loop.call_later(seconds, self.transport.abort)

    def _stop_the_clock(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _close_one(self) -> None:
        """The one that has kept us waiting longest: whoever asks something gets an answer.

        When nobody else does, the one whose answer takes longest, that of a stream for instance;
        only when there is none, one that would not hear what became of its request.
        """
        others = [c for c in self.connections if isinstance(c, LimitedConnection) and c is not self]
        closed = min(others, key=lambda c: (c.is_carried_out, not c.waits, c._since), default=self)
        # Its end is told later, and it shall not be counted until then.
        self.connections.discard(closed)
        closed._stop_the_clock()
        closed.transport.abort()
