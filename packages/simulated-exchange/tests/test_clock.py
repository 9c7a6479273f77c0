"""Virtual and wall clocks."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from simulated_exchange import VirtualClock, WallClock

START = datetime(2025, 3, 24, 14, 0, tzinfo=UTC)


def test_calls_run_at_their_own_instant_and_in_order() -> None:
    clock = VirtualClock(START)
    ran: list[tuple[str, datetime]] = []
    clock.call_later(2, lambda: ran.append(("later", clock.now())))
    clock.call_later(1, lambda: ran.append(("first", clock.now())))
    clock.call_later(1, lambda: ran.append(("second", clock.now())))

    clock.advance(3)

    one, two = START + timedelta(seconds=1), START + timedelta(seconds=2)
    assert ran == [("first", one), ("second", one), ("later", two)]
    assert clock.now() == START + timedelta(seconds=3)


def test_the_clock_tells_when_the_next_call_is_due() -> None:
    clock = VirtualClock(START)
    assert clock.due is None
    clock.call_later(2, lambda: None)
    clock.call_later(1, lambda: None).cancel()
    assert clock.due == START + timedelta(seconds=2)
    clock.advance(2)
    assert clock.due is None


def test_a_call_made_by_a_call_runs_within_the_same_advance() -> None:
    clock = VirtualClock(START)
    ran: list[datetime] = []
    clock.call_later(1, lambda: clock.call_later(1, lambda: ran.append(clock.now())))
    clock.advance(2)
    assert ran == [START + timedelta(seconds=2)]


def test_a_cancelled_call_does_not_run() -> None:
    clock = VirtualClock(START)
    ran: list[int] = []
    clock.call_later(1, lambda: ran.append(1)).cancel()
    clock.advance(2)
    assert ran == []


def test_a_virtual_clock_shows_utc_whatever_zone_it_started_in() -> None:
    start = datetime(2025, 3, 24, 10, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert VirtualClock(start).now().isoformat() == "2025-03-24T14:00:00+00:00"


def test_time_runs_neither_backwards_nor_without_a_zone() -> None:
    with pytest.raises(ValueError, match="backwards"):
        VirtualClock(START).advance(-1)
    with pytest.raises(ValueError, match="aware"):
        VirtualClock(datetime(2025, 3, 24))  # noqa: DTZ001 (that is the mistake)


async def test_a_wall_clock_calls_back_on_the_loop() -> None:
    clock = WallClock(asyncio.get_running_loop())
    rang = asyncio.Event()
    before = datetime.now(UTC)
    clock.call_later(0.001, rang.set)
    async with asyncio.timeout(5):
        await rang.wait()
    assert clock.now() >= before
