"""Notices a link that is open at this end only: the protocol has no heartbeat of its own.

Comes in: the news that data has arrived. Goes out: a question after some silence, and the verdict
if it is not answered. It does nothing while data flows.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from broker_connector_base import BrokerConnectionError


class Heartbeat:
    """`probe` is any question that raises `BrokerConnectionError` when it has no answer in time."""

    def __init__(
        self,
        seconds: float,
        probe: Callable[[], Awaitable[object]],
        on_dead: Callable[[BrokerConnectionError], None],
    ) -> None:
        self._seconds = seconds
        self._probe = probe
        self._on_dead = on_dead
        #: The loop's time when data last arrived.
        self.heard_at = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._probing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The session stands."""
        self.heard()
        self._wait(self._seconds)

    def stop(self) -> None:
        """The session has ended."""
        if self._timer is not None:
            self._timer.cancel()
        if self._probing is not None:
            self._probing.cancel()

    def heard(self) -> None:
        """Data has arrived."""
        self.heard_at = asyncio.get_running_loop().time()

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        quiet = loop.time() - self.heard_at
        if quiet < self._seconds:
            self._wait(self._seconds - quiet)
        else:
            self._probing = loop.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            await self._probe()
        except BrokerConnectionError as error:
            # This task is at its end: `stop`, which the verdict leads to, must not cancel it.
            self._probing = None
            self._on_dead(error)
        else:
            self._wait(self._seconds)
