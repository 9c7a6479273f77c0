"""One broker session that is allowed to break: questions are asked again after reconnecting.

Comes in: calls that only read. Goes out: their answers, or `BrokerConnectionError` when the session
cannot be restored in time. It must never be given a call that places an order: an answer lost on
the way back does not mean that nothing happened.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from broker_connector_base import BrokerClient, BrokerConnectionError

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_QUESTIONS = 3


class Session:
    """A `BrokerClient` and the patience to log in again."""

    def __init__(
        self,
        broker: BrokerClient,
        *,
        reconnect_timeout_seconds: float,
        on_reconnect: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self.broker = broker
        self._timeout = reconnect_timeout_seconds
        self._on_reconnect = on_reconnect
        self._busy = asyncio.Lock()
        #: Of each session that was lost: the loop's time when that was found, and when the broker
        #: was last heard in it.
        self._ends: list[tuple[float, float]] = []

    @property
    def lost_at(self) -> float:
        """The loop's time when the session was last found lost; minus infinity before."""
        return self._ends[-1][0] if self._ends else -math.inf

    def last_heard(self, moment: float) -> float:
        """The loop's time when the broker was last heard in the session that stood at `moment`."""
        for lost_at, heard_at in self._ends:
            if lost_at >= moment:
                return heard_at
        return self.broker.last_heard()

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The answer to a question that changes nothing at the broker."""
        for _ in range(_QUESTIONS - 1):
            try:
                return await question()
            except BrokerConnectionError as error:
                await self.reconnect(str(error))
        return await question()

    async def reconnect(self, reason: str) -> None:
        """Log in again unless the session stands; raises `BrokerConnectionError` after a while."""
        async with self._busy:
            if self.broker.is_connected():
                return
            found = asyncio.get_running_loop().time()
            self._ends.append((found, self.broker.last_heard()))
            _log.warning("session_lost", reason=reason)
            self._on_reconnect(reason)
            try:
                async with asyncio.timeout(self._timeout):
                    await self._connect_with_patience()
            except TimeoutError:
                raise BrokerConnectionError(
                    f"the session was lost ({reason}) and could not be restored within "
                    f"{self._timeout:g} s"
                ) from None

    async def _connect_with_patience(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self.broker.connect()
                return
            except BrokerConnectionError as error:
                _log.info("reconnect_failed", error=str(error), pause=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
