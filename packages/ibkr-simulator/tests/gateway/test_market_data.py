"""Snapshots and streams, live, delayed and refused."""

import asyncio
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from ib_async import IB, Contract, Stock

from simulated_exchange import QuoteKind


def listen(ib: IB) -> list[int]:
    """The codes of all errors from here on."""
    codes: list[int] = []
    ib.errorEvent += lambda request, code, text, contract: codes.append(code)
    return codes


async def test_a_snapshot_has_prices_sizes_close_and_the_type_of_data(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client()
    (ticker,) = await ib.reqTickersAsync(spy)
    assert (ticker.bid, ticker.bidSize, ticker.ask, ticker.askSize) == (600.0, 500, 600.02, 500)
    assert (ticker.last, ticker.lastSize, ticker.close) == (600.01, 500, 598.5)
    assert (ticker.marketDataType, ticker.halted, ticker.minTick) == (1, 0, 0.01)
    assert ticker.lastTimestamp == world.clock.now()


async def test_a_snapshot_is_one_series_of_messages_that_ends(world: Any, spy: Stock) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("reqMktData", reqId=9, conId=spy.conId, exchange="SMART", snapshot=True)
    names = [message.name for message in await wire.receive_until("tickSnapshotEnd")]
    assert names[:3] == ["tickReqParams", "marketDataType", "tickPrice"]
    world.exchange.set_quote(spy.conId, world.exchange.quote(spy.conId))
    wire.send("reqCurrentTime")
    assert (await wire.receive()).name == "currentTime"


async def test_a_stream_tells_only_what_has_changed(world: Any, spy: Stock) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("reqMktData", reqId=9, conId=spy.conId, exchange="SMART")
    wire.send("reqCurrentTime")
    await wire.receive_until("currentTime")
    quote = world.exchange.quote(spy.conId)
    changed = replace(quote, ask=Decimal("600.05"), high=Decimal("601"), volume=Decimal(7))
    world.exchange.set_quote(spy.conId, changed)
    world.exchange.set_quote(spy.conId, replace(changed, halted=2))
    wire.send("reqCurrentTime")
    ticks = (await wire.receive_until("currentTime"))[:-1]
    told = [(tick.fields["tickType"], tick.fields.get("price")) for tick in ticks]
    assert told == [
        (2, Decimal("600.05")),
        (3, None),
        (6, Decimal(601)),
        (8, None),
        (45, None),
        (49, None),
    ]
    assert ticks[-1].fields["value"] == 2


async def test_ib_async_follows_a_stream_until_it_cancels(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    ticker = ib.reqMktData(spy)
    await world.settle(ib)
    assert ticker.bid == 600.0
    quote = world.exchange.quote(spy.conId)
    world.exchange.set_quote(spy.conId, replace(quote, bid=Decimal("599.90")))
    await world.settle(ib)
    assert ticker.bid == 599.9
    ib.cancelMktData(spy)
    await world.settle(ib)
    world.exchange.set_quote(spy.conId, quote)
    await world.settle(ib)
    assert ticker.bid == 599.9


async def test_a_missing_side_is_minus_one_and_a_missing_last_is_not_told(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client()
    quote = world.exchange.quote(spy.conId)
    world.exchange.set_quote(spy.conId, replace(quote, ask=None, last=None))
    ticker = ib.reqMktData(spy)
    await world.settle(ib)
    assert (ticker.bid, ticker.ask, ticker.askSize) == (600.0, -1, 0)
    assert math.isnan(ticker.last)


async def test_a_snapshot_waits_eleven_seconds_for_what_is_missing(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    quote = world.exchange.quote(spy.conId)
    world.exchange.set_quote(spy.conId, replace(quote, last=None, at=None))
    asked = asyncio.ensure_future(ib.reqTickersAsync(spy))
    await world.settle(ib)
    world.clock.advance(10.9)
    await world.settle(ib)
    assert not asked.done()
    world.clock.advance(0.1)
    (ticker,) = await asked
    assert ticker.bid == 600.0
    assert math.isnan(ticker.last)


async def test_a_snapshot_ends_when_what_was_missing_comes(world: Any, spy: Stock) -> None:
    await world.gateway()
    wire = await world.wire(1)
    quote = world.exchange.quote(spy.conId)
    world.exchange.set_quote(spy.conId, replace(quote, last=None, at=None))
    for request_id in (9, 10):
        wire.send("reqMktData", reqId=request_id, conId=spy.conId, exchange="SMART", snapshot=True)
    wire.send("cancelMktData", reqId=10)
    wire.send("reqCurrentTime")
    waiting = await wire.receive_until("currentTime")
    assert "tickSnapshotEnd" not in [message.name for message in waiting]
    world.exchange.set_quote(spy.conId, quote)
    ended = (await wire.receive_until("tickSnapshotEnd"))[-1]
    assert ended.fields["reqId"] == 9
    # Each ends once, and one that was cancelled does not.
    world.clock.advance(60)
    wire.send("reqCurrentTime")
    assert (await wire.receive()).name == "currentTime"


async def test_a_halt_is_told_with_the_first_ticks(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    world.exchange.set_quote(spy.conId, replace(world.exchange.quote(spy.conId), halted=1))
    (ticker,) = await ib.reqTickersAsync(spy)
    assert ticker.halted == 1


async def test_delayed_data_comes_with_a_warning_its_type_and_its_own_ticks(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    world.exchange.set_quote_kind(QuoteKind.DELAYED, spy.conId)
    ib = await world.client()
    codes = listen(ib)
    ib.reqMarketDataType(3)
    (ticker,) = await ib.reqTickersAsync(spy)
    assert codes == [10167]
    assert (ticker.marketDataType, ticker.bid, ticker.close) == (3, 600.0, 598.5)
    assert ticker.delayedLastTimestamp == world.clock.now()
    assert {tick.tickType for tick in ticker.ticks} >= {66, 67, 68, 75, 90}


async def test_who_wants_live_data_gets_no_delayed_data(world: Any, spy: Stock) -> None:
    await world.gateway()
    world.exchange.set_quote_kind(QuoteKind.DELAYED, spy.conId)
    ib = await world.client()
    codes = listen(ib)
    await ib.reqTickersAsync(spy)
    ib.reqMarketDataType(4)
    await ib.reqTickersAsync(spy)
    ib.reqMarketDataType(1)
    await ib.reqTickersAsync(spy)
    assert codes == [354, 10167, 354]


async def test_data_that_is_not_subscribed_is_refused_with_354(world: Any, spy: Stock) -> None:
    await world.gateway()
    world.exchange.set_quote_kind(QuoteKind.NONE)
    ib = await world.client()
    codes = listen(ib)
    (ticker,) = await ib.reqTickersAsync(spy)
    assert codes == [354]
    assert math.isnan(ticker.bid)


@pytest.mark.parametrize(
    ("contract", "code"),
    [
        ({"symbol": "NOSUCH", "secType": "STK", "exchange": "SMART"}, 200),
        ({"symbol": "SAP", "secType": "STK", "exchange": "SMART"}, 200),
        ({"conId": 756733}, 321),
    ],
    ids=["unknown", "ambiguous", "no exchange"],
)
async def test_a_contract_that_is_not_one_instrument_has_no_data(
    world: Any, contract: dict[str, Any], code: int
) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("reqMktData", reqId=4, **contract)
    error = await wire.receive()
    assert (error.fields["reqId"], error.fields["code"]) == (4, code)


async def test_ticker_ids_are_unique_and_known(world: Any, spy: Stock) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("cancelMktData", reqId=4)
    assert (await wire.receive()).fields["code"] == 300
    wire.send("reqMktData", reqId=4, conId=spy.conId, exchange="SMART")
    wire.send("reqMktData", reqId=4, conId=spy.conId, exchange="SMART")
    assert (await wire.receive_until("errMsg"))[-1].fields["code"] == 322


async def test_a_type_of_data_that_does_not_exist_is_refused(world: Any) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("reqMarketDataType", type=3)
    wire.send("reqMarketDataType", type=9)
    assert (await wire.receive()).fields["code"] == 321


async def test_sizes_are_whole_numbers_for_clients_before_version_163(world: Any) -> None:
    await world.gateway(server_max=157)
    quote = world.exchange.quote(756733)
    world.exchange.set_quote(756733, replace(quote, bid_size=Decimal("12.5")))
    ib = await world.client()
    (ticker,) = await ib.reqTickersAsync(Contract(conId=756733, exchange="SMART"))
    assert ticker.bidSize == 12
