"""Time that runs faster: an event loop whose seconds are shorter, and a time of day to match.

Comes in: a speed. Goes out: loops on which every deadline keeps its proportion to every other, so
that a product with deadlines of minutes is tested in seconds without a knob of its own. Processes
of one machine that are given the same `Pace` agree on the time of day.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulated_exchange.clock import TimerHandle

#: A Friday in the regular session; the campaign's exchanges are always open.
_NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """So many seconds pass in one; `began` is the machine's monotonic time at the start."""

    speed: float
    began: float

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        return _NOON + timedelta(seconds=(time.monotonic() - self.began) * self.speed)


class PacedClock:
    """The exchange's clock: `pace` for the time of day, the running loop for later."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def now(self) -> datetime:
        return self._pace.now()

    def call_later(self, seconds: float, call: Callable[[], object]) -> TimerHandle:
        return asyncio.get_running_loop().call_later(max(0.0, seconds), call)


class _FastSelector(selectors.DefaultSelector):
    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        real = None if timeout is None else timeout / self._speed
        found: list[tuple[selectors.SelectorKey, int]] = super().select(real)
        return found


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop on which `speed` seconds pass in one."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        super().__init__(_FastSelector(speed))

    def time(self) -> float:
        return super().time() * self._speed


class FastPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes every new event loop a fast one."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return FastLoop(self._speed)
