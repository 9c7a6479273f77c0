"""Time, as the exchange sees it: now, and later.

Comes in: a delay and a function. Goes out: one call when the delay is over. Never: a sleep. The
exchange takes every delay from here, so a test that advances a `VirtualClock` sees the same
events, in the same order, as a server that runs on a `WallClock`.
"""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


class TimerHandle(Protocol):
    """A call that has not happened yet."""

    def cancel(self) -> None:
        """Make sure the call never happens; harmless when it already has."""


class Clock(Protocol):
    """What the exchange needs of time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def call_later(self, seconds: float, call: Callable[[], object]) -> TimerHandle:
        """Call once, `seconds` from now (0 or less: as soon as the clock moves)."""


class _VirtualTimer:
    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class VirtualClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError(f"the clock needs an aware start, got {start!r}")
        self._now = start.astimezone(UTC)
        self._timers: list[tuple[datetime, int, _VirtualTimer]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._now

    @property
    def due(self) -> datetime | None:
        """When the next call falls due; None while nothing waits."""
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def call_later(self, seconds: float, call: Callable[[], object]) -> TimerHandle:
        timer = _VirtualTimer(call)
        self._count += 1
        due = self._now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._timers, (due, self._count, timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move forward, running every call that falls due at its own instant.

        Calls due at the same instant run in the order in which they were asked for. A call made
        by a call runs too if it is due within the same advance.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds}")
        end = self._now + timedelta(seconds=seconds)
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            if timer.call is not None:
                timer.call()
        self._now = end


class WallClock:
    """Real time, with calls made by an asyncio event loop."""

    def __init__(self, loop: "AbstractEventLoop") -> None:
        self._loop = loop

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call_later(self, seconds: float, call: Callable[[], object]) -> TimerHandle:
        return self._loop.call_later(max(0.0, seconds), call)
