"""Waiting without waiting."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from broker_connector_base.testing import LoopClock, VirtualTimeLoop, WaitsForEver


async def test_an_hour_passes_at_once() -> None:
    clock = LoopClock()
    before, began = clock.now(), time.monotonic()
    await asyncio.sleep(3600)
    assert clock.now() - before == timedelta(hours=1)
    assert time.monotonic() - began < 60


async def test_a_deadline_strikes_before_a_later_wake_up() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await asyncio.sleep(6)


async def test_tasks_wake_in_the_order_of_their_deadlines() -> None:
    woken: list[int] = []

    async def wake_after(seconds: int) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    await asyncio.gather(*map(wake_after, (30, 10, 20)))
    assert woken == [10, 20, 30]


async def test_time_stands_still_while_a_thread_works() -> None:
    async with asyncio.timeout(0.001):
        assert await asyncio.to_thread(sum, range(200_000)) == 19_999_900_000


def test_a_wait_that_nothing_can_end_is_an_error_and_not_a_hang() -> None:
    async def deadlock() -> None:
        await asyncio.get_running_loop().create_future()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner, pytest.raises(WaitsForEver):
        runner.run(deadlock())


def test_a_clock_shows_its_start_outside_a_loop() -> None:
    start = datetime(2026, 7, 1, 14, 0, tzinfo=UTC)
    assert LoopClock(start).now() == start
