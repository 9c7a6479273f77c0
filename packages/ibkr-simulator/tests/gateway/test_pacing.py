"""Counting messages, and refusing too many."""

from datetime import UTC, datetime
from typing import Any

from ib_async import IB, Contract, Stock

from ibkr_simulator.pacing import HistoryPace, Pace
from simulated_exchange import VirtualClock


class Ticking:
    """A clock that says what it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_pace_counts_the_messages_of_the_last_second() -> None:
    clock = Ticking()
    pace = Pace(clock)
    rates = []
    for clock.now in (0.0, 0.5, 0.9, 1.0, 1.4, 2.5):
        rates.append(pace.count())
    # 1.0 is a whole second after 0.0, which no longer counts.
    assert rates == [1, 2, 3, 3, 4, 1]
    assert (pace.busiest, pace.total) == (4, 6)


async def test_statistics_tell_the_busiest_second_of_any_client(world: Any) -> None:
    gateway = await world.gateway()
    wire = await world.wire(1)
    for _ in range(60):
        wire.send("reqCurrentTime")
    for _ in range(60):
        assert (await wire.receive()).name == "currentTime"
    wire.writer.write_eof()
    assert await wire.at_end()
    statistics = gateway.statistics
    # startApi counts as well
    assert (statistics.connections, statistics.messages) == (1, 61)
    # All of them, unless the machine stood still for a moment.
    assert 31 <= statistics.max_messages_per_second <= 61


async def test_more_than_fifty_a_second_are_refused_and_the_third_time_ends_it(world: Any) -> None:
    await world.gateway(pacing=True)
    other = await world.client(2)
    wire = await world.wire(1)
    for _ in range(60):
        wire.send("reqCurrentTime")
    received = [(await wire.receive()) for _ in range(52)]
    assert [message.name for message in received] == ["currentTime"] * 49 + ["errMsg"] * 3
    assert received[-1].fields["text"] == (
        "Max rate of messages per second has been exceeded:max=50 rec=53 (3)"
    )
    assert await wire.at_end()
    await world.settle(other)


SMALL = {
    "endDateTime": "",
    "durationStr": "60 S",
    "barSizeSetting": "5 secs",
    "whatToShow": "TRADES",
    "useRTH": True,
}


async def counts_of_bars(ib: IB, contract: Contract, *kinds: str, **terms: Any) -> list[bool]:
    """Whether each of these requests got bars."""
    asked = [
        ib.reqHistoricalDataAsync(contract, **{**SMALL, **terms, "whatToShow": kind})
        for kind in kinds
    ]
    return [bool(await each) for each in asked]


async def test_bars_that_are_asked_for_too_often_are_refused_with_162(
    world: Any, spy: Stock, aapl: Stock
) -> None:
    await world.gateway(pacing=True)
    ib = await world.client()
    codes: list[int] = []
    ib.errorEvent += lambda request, code, text, contract: codes.append(code)
    kinds = ("TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST")
    # Of one instrument five within two seconds, of another one more.
    assert await counts_of_bars(ib, spy, *kinds) == [True] * 5 + [False]
    assert await counts_of_bars(ib, aapl, "TRADES") == [True]
    assert codes == [162]
    # The same again after fifteen seconds only; large bars as often as anybody likes.
    world.clock.advance(14)
    assert await counts_of_bars(ib, spy, "TRADES") == [False]
    large = {"durationStr": "1 D", "barSizeSetting": "1 hour"}
    assert await counts_of_bars(ib, spy, *["TRADES"] * 7, **large) == [True] * 7
    world.clock.advance(1)
    assert await counts_of_bars(ib, spy, "TRADES") == [True]


def test_bars_may_be_asked_for_sixty_times_in_ten_minutes() -> None:
    clock = VirtualClock(datetime(2026, 11, 20, 17, tzinfo=UTC))
    pace = HistoryPace(clock)
    answers = []
    for n in range(62):
        answers.append(pace.admits(1, n))
        clock.advance(1)
    assert answers == [True] * 60 + [False] * 2
    clock.advance(600 - 62)
    assert [pace.admits(1, "more"), pace.admits(1, "still more")] == [True, False]


async def test_a_client_that_asks_to_be_paced_is_not_refused(world: Any) -> None:
    await world.gateway(pacing=True)
    wire = await world.wire()
    await wire.hello("v157..178 +PACEAPI")
    wire.send("startApi", clientId=1)
    for _ in range(60):
        wire.send("reqCurrentTime")
    received = [(await wire.receive()) for _ in range(65)]
    assert [message.name for message in received[5:]] == ["currentTime"] * 60
