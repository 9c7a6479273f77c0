"""What a gateway allows at a time, and what it says to more."""

import math
from typing import Any

from ib_async import IB, LimitOrder, Stock

from ibkr_simulator import Limits

from .conftest import SAP_NYSE

SAP = Stock("SAP", "SMART", "USD", conId=SAP_NYSE)


def listen(ib: IB) -> list[int]:
    """The codes of all errors from here on."""
    codes: list[int] = []
    ib.errorEvent += lambda request, code, text, contract: codes.append(code)
    return codes


async def test_no_more_instruments_stream_than_the_login_has_lines(
    world: Any, spy: Stock, aapl: Stock
) -> None:
    await world.gateway(limits=Limits(market_data_lines=2))
    ib, other = await world.client(1), await world.client(2)
    codes, heard = listen(ib), listen(other)
    tickers = [ib.reqMktData(contract) for contract in (spy, aapl)]
    await world.settle(ib)
    # All clients share the lines, and an instrument takes one however many look at it.
    same, more = other.reqMktData(spy), other.reqMktData(SAP)
    await world.settle(other)
    assert (codes, heard) == ([], [101])
    assert [ticker.bid for ticker in (*tickers, same)] == [600.0, 199.99, 600.0]
    assert math.isnan(more.bid)
    ib.cancelMktData(spy)
    other.cancelMktData(spy)
    await world.settle(ib, other)
    again = other.reqMktData(SAP)
    await world.settle(other)
    assert (heard, again.bid) == ([101], 250.0)


async def test_a_client_that_leaves_gives_its_lines_back(
    world: Any, spy: Stock, aapl: Stock
) -> None:
    await world.gateway(limits=Limits(market_data_lines=1))
    first, second = await world.client(1), await world.client(2)
    first.reqMktData(spy)
    await world.settle(first)
    codes = listen(second)
    assert math.isnan((await second.reqTickersAsync(aapl))[0].bid)
    assert codes == [101]
    first.disconnect()
    await world.gone(1)
    assert (await second.reqTickersAsync(aapl))[0].bid == 199.99


async def test_fifteen_orders_may_work_on_one_side_of_an_instrument(
    world: Any, spy: Stock, aapl: Stock
) -> None:
    await world.gateway(limits=Limits())
    ib = await world.client()
    trades = [ib.placeOrder(spy, LimitOrder("BUY", 1, 500 + n)) for n in range(16)]
    await world.settle(ib)
    assert [trade.orderStatus.status for trade in trades] == ["Submitted"] * 15 + ["Cancelled"]
    assert trades[-1].log[-1].errorCode == 201
    others = [
        ib.placeOrder(spy, LimitOrder("SELL", 1, 700)),
        ib.placeOrder(aapl, LimitOrder("BUY", 1, 100)),
    ]
    trades[0].order.lmtPrice = 499
    ib.placeOrder(spy, trades[0].order)
    ib.cancelOrder(trades[1].order)
    await world.settle(ib)
    others.append(ib.placeOrder(spy, LimitOrder("BUY", 1, 500)))
    await world.settle(ib)
    assert [trade.orderStatus.status for trade in others] == ["Submitted"] * 3
    assert trades[0].order.lmtPrice == 499


async def test_one_client_more_than_allowed_sees_its_connection_end(world: Any) -> None:
    gateway = await world.gateway(limits=Limits(clients=2))
    await world.client(1)
    await world.client(2)
    wire = await world.wire()
    await wire.hello()
    wire.send("startApi", clientId=3)
    assert await wire.at_end()
    assert set(gateway.sessions) == {1, 2}
    assert Limits().clients == 32
