"""Bars, the first instant of data, and option chains."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ib_async import IB, BarDataList, Stock

from simulated_exchange import Instrument

from .conftest import SPY

NEWS = Stock("NEWS", "SMART", "USD")


async def ask(ib: IB, contract: Stock, **terms: Any) -> BarDataList:
    """Bars of a day by the half hour, unless told otherwise."""
    asked = {
        "endDateTime": "",
        "durationStr": "1 D",
        "barSizeSetting": "30 mins",
        "whatToShow": "TRADES",
        "useRTH": True,
        "formatDate": 2,
    }
    return await ib.reqHistoricalDataAsync(contract, **{**asked, **terms})


async def test_bars_of_a_day_are_within_its_hours_and_end_now(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    bars = await ask(ib, NEWS)
    # From 24 hours before noon in New York to noon: eight half hours before the close, five since.
    friday = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    half = timedelta(minutes=30)
    assert [bar.date for bar in bars[8:]] == [friday + n * half for n in range(5)]
    assert len(bars) == 13
    for bar in bars:
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume > 0


async def test_the_same_question_has_the_same_answer_and_sizes_agree(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    halves, again = await ask(ib, NEWS), await ask(ib, NEWS)
    assert list(halves) == list(again)
    end = "20261119 21:00:00 UTC"
    hours = await ask(ib, NEWS, barSizeSetting="1 hour", endDateTime=end)
    halves = await ask(ib, NEWS, endDateTime=end)
    assert hours[-1].close == halves[-1].close
    assert hours[-2].open == next(bar.open for bar in halves if bar.date == hours[-2].date)


async def test_daily_bars_are_dates_of_trading_days(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    bars = await ask(ib, NEWS, durationStr="1 W", barSizeSetting="1 day", formatDate=1)
    assert [f"{bar.date:%d}" for bar in bars] == ["13", "16", "17", "18", "19", "20"]
    weeks = await ask(ib, NEWS, durationStr="1 M", barSizeSetting="1 week", formatDate=1)
    assert len(weeks) == 5


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"barSize": "7 mins"}, 321),
        ({"duration": "1 X"}, 321),
        ({"duration": "x D"}, 321),
        ({"duration": "9999999999 D"}, 321),
        ({"whatToShow": "GUESSES"}, 321),
        ({"endDateTime": "yesterday"}, 321),
        ({"endDateTime": "20050101 00:00:00 UTC"}, 162),
        ({"conId": 990002}, 162),
        ({"conId": 1}, 200),
    ],
)
async def test_what_there_is_no_answer_to_is_an_error(
    world: Any, terms: dict[str, Any], code: int
) -> None:
    await world.gateway()
    wire = await world.wire(1)
    asked = {"barSize": "1 hour", "duration": "1 D", "whatToShow": "TRADES", "conId": SPY}
    wire.send("reqHistoricalData", reqId=4, exchange="SMART", **{**asked, **terms})
    error = await wire.receive()
    assert (error.fields["reqId"], error.fields["code"]) == (4, code)


async def test_there_is_no_query_to_cancel_once_bars_were_sent(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    codes: list[tuple[int, int]] = []
    ib.errorEvent += lambda request, code, text, contract: codes.append((request, code))
    bars = await ask(ib, NEWS)
    ib.client.cancelHistoricalData(bars.reqId)
    await world.settle(ib)
    assert codes == [(bars.reqId, 366)]


async def test_twenty_years_of_minutes_are_cut_to_what_one_answer_holds(world: Any) -> None:
    await world.gateway()
    wire = await world.wire(1)
    terms = {"barSize": "1 hour", "duration": "99 Y", "whatToShow": "TRADES", "useRTH": True}
    wire.send("reqHistoricalData", reqId=4, conId=SPY, exchange="SMART", **terms)
    assert len((await wire.receive()).fields["bars"]) == 5_000


async def test_data_begins_with_the_year_2010(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    first = await ib.reqHeadTimeStampAsync(spy, "TRADES", True, 2)
    assert first == datetime(2010, 1, 4, 14, 30, tzinfo=UTC)
    wire = await world.wire(2)
    wire.send("reqHeadTimeStamp", reqId=4, conId=SPY, exchange="SMART", formatDate=1)
    assert (await wire.receive()).fields["text"] == "20100104 09:30:00 US/Eastern"
    wire.send("cancelHeadTimeStamp", reqId=4)


async def test_an_option_chain_lists_what_can_be_traded(world: Any, spy: Stock) -> None:
    def option(con_id: int, strike: int, right: str, expiry: str) -> Instrument:
        return Instrument(
            con_id=con_id,
            symbol="SPY",
            sec_type="OPT",
            strike=Decimal(strike),
            right=right,
            last_trade_date=expiry,
            multiplier=Decimal(100),
        )

    world.list(
        option(1, 600, "C", "20261218"),
        option(2, 600, "P", "20261218"),
        option(3, 610, "C", "20270115"),
    )
    await world.gateway()
    ib = await world.client()
    (chain,) = await ib.reqSecDefOptParamsAsync("SPY", "", "STK", SPY)
    assert (chain.exchange, chain.tradingClass, chain.multiplier) == ("SMART", "SPY", "100")
    assert (int(chain.underlyingConId), chain.expirations) == (SPY, ["20261218", "20270115"])
    assert chain.strikes == [600.0, 610.0]
    assert await ib.reqSecDefOptParamsAsync("SPY", "CBOE", "STK", SPY) == []
