"""Stops, trailing stops, midpoint orders, brackets and one-cancels-all groups on the wire."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from ib_async import (
    Forex,
    LimitOrder,
    MarketOrder,
    Order,
    Stock,
    StopLimitOrder,
    StopOrder,
    Trade,
)

from simulated_exchange import FillPolicy, Instrument, PriceIncrement

from .conftest import SPY


def move(world: Any, bid: str, ask: str) -> None:
    """The market of SPY, with a last trade at the bid."""
    quote = world.exchange.quote(SPY)
    prices = {"bid": Decimal(bid), "ask": Decimal(ask), "last": Decimal(bid)}
    world.exchange.set_quote(SPY, replace(quote, **prices, at=None))


def prices(trade: Trade) -> list[float]:
    return [fill.execution.price for fill in trade.fills]


async def told(world: Any) -> list[Order]:
    """The open orders as another client is told of them."""
    onlooker = await world.client(50)
    orders = [trade.order for trade in await onlooker.reqAllOpenOrdersAsync()]
    onlooker.disconnect()
    return orders


async def test_a_stop_waits_and_sells_when_the_market_falls_to_it(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, StopOrder("SELL", 5, 590))
    await world.settle(ib)
    status = trade.orderStatus
    assert (status.status, status.whyHeld) == ("PreSubmitted", "trigger")
    assert trade.order.auxPrice == 590
    move(world, "589.50", "589.52")
    await world.settle(ib)
    assert (trade.orderStatus.status, prices(trade)) == ("Filled", [589.5])


async def test_a_stop_limit_keeps_its_limit(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, StopLimitOrder("SELL", 5, 589.8, 590))
    await world.settle(ib)
    move(world, "589.50", "589.52")
    await world.settle(ib)
    assert (trade.orderStatus.status, prices(trade)) == ("Submitted", [])
    move(world, "589.90", "589.92")
    await world.settle(ib)
    assert trade.orderStatus.status == "Filled"


async def test_a_stop_can_be_moved_and_not_become_another_order(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, StopOrder("SELL", 5, 590))
    trade.order.auxPrice, trade.order.totalQuantity = 595, 6
    ib.placeOrder(spy, trade.order)
    await world.settle(ib)
    (order,) = world.exchange.open_orders()
    assert (order.stop_price, order.request.quantity) == (595, 6)
    trade.order.triggerMethod = 2
    ib.placeOrder(spy, trade.order)
    await world.settle(ib)
    assert 105 in [entry.errorCode for entry in trade.log]


@pytest.mark.parametrize("terms", [{"auxPrice": 5.0}, {"trailingPercent": 1.0}])
async def test_a_trailing_stop_tells_where_it_stands(world: Any, spy: Stock, terms: Any) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, Order(action="SELL", totalQuantity=5, orderType="TRAIL", **terms))
    await world.settle(ib)
    move(world, "620.00", "620.02")
    await world.settle(ib)
    # 620 less 5, or less 1 %
    stop = 615.0 if "auxPrice" in terms else 613.8
    (seen,) = await told(world)
    assert seen.trailStopPrice == stop
    assert trade.orderStatus.status == "PreSubmitted"
    move(world, "613.00", "613.02")
    await world.settle(ib)
    assert prices(trade) == [613.0]


async def test_a_trailing_limit_starts_at_its_stop(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    terms: Any = {"auxPrice": 5.0, "trailStopPrice": 590.0, "lmtPriceOffset": 0.5}
    order = Order(action="SELL", totalQuantity=5, orderType="TRAIL LIMIT", **terms)
    trade = ib.placeOrder(spy, order)
    await world.settle(ib)
    (placed,) = world.exchange.open_orders()
    assert (placed.request.stop_price, placed.request.limit_offset) == (590, Decimal("0.5"))
    assert trade.orderStatus.status == "PreSubmitted"
    (seen,) = await told(world)
    # It has followed the last trade, 600.01, at once.
    assert (seen.trailStopPrice, seen.auxPrice, seen.lmtPriceOffset) == (595.01, 5.0, 0.5)


async def test_a_midpoint_order_trades_in_the_middle(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, Order(action="BUY", totalQuantity=5, orderType="MIDPRICE"))
    await world.settle(ib)
    assert prices(trade) == [600.01]


async def test_a_bracket_is_placed_as_a_whole_and_one_exit_cancels_the_other(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client()
    bracket = ib.bracketOrder("BUY", 5, 595, takeProfitPrice=610, stopLossPrice=580)
    parent, profit = (ib.placeOrder(spy, order) for order in bracket[:2])
    await world.settle(ib)
    assert world.exchange.open_orders() == []
    assert parent.orderStatus.status == profit.orderStatus.status == "PendingSubmit"
    loss = ib.placeOrder(spy, bracket[2])
    trades = [parent, profit, loss]
    await world.settle(ib)
    assert [trade.orderStatus.status for trade in trades] == [
        "Submitted",
        "PreSubmitted",
        "PreSubmitted",
    ]
    assert [trade.orderStatus.parentId for trade in trades] == [
        0,
        parent.order.orderId,
        parent.order.orderId,
    ]
    assert profit.orderStatus.whyHeld == "child"
    groups = [order.ocaGroup for order in await told(world)]
    assert groups[1] == groups[2] != groups[0] == ""
    move(world, "594.00", "594.50")
    await world.settle(ib)
    assert [trade.orderStatus.status for trade in trades] == [
        "Filled",
        "Submitted",
        "PreSubmitted",
    ]
    move(world, "610.00", "610.02")
    await world.settle(ib)
    assert [trade.orderStatus.status for trade in trades] == ["Filled", "Filled", "Cancelled"]


async def test_a_bracket_that_is_refused_is_refused_whole(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    bracket = ib.bracketOrder("BUY", 5_000, 595, takeProfitPrice=610, stopLossPrice=580)
    trades = [ib.placeOrder(spy, order) for order in bracket]
    await world.settle(ib)
    assert [trade.log[-1].errorCode for trade in trades] == [201, 201, 201]
    assert world.exchange.open_orders() == []


async def test_a_child_can_follow_a_parent_that_works(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    parent = ib.placeOrder(spy, LimitOrder("BUY", 5, 595))
    child = ib.placeOrder(spy, LimitOrder("SELL", 5, 610, parentId=parent.order.orderId))
    await world.settle(ib)
    assert child.orderStatus.status == "PreSubmitted"
    ib.cancelOrder(parent.order)
    await world.settle(ib)
    assert (parent.orderStatus.status, child.orderStatus.status) == ("Cancelled", "Cancelled")
    wire = await world.wire(2)
    wire.send("reqCompletedOrders")
    ended = (await wire.receive_until("completedOrdersEnd"))[:-1]
    assert [m.fields["parentPermId"] for m in ended] == [None, parent.order.permId]


async def test_an_order_that_was_not_transmitted_can_be_taken_back(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 5, 595, transmit=False))
    await world.settle(ib)
    ib.cancelOrder(trade.order)
    await world.settle(ib)
    assert trade.orderStatus.status == "Cancelled"
    kept = ib.placeOrder(spy, LimitOrder("BUY", 5, 595, transmit=False))
    kept.order.transmit = True
    ib.placeOrder(spy, kept.order)
    await world.settle(ib)
    assert kept.orderStatus.status == "Submitted"


async def test_one_fill_of_a_group_cancels_the_others(world: Any, spy: Stock, aapl: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    first, second = ib.oneCancelsAll(
        [LimitOrder("BUY", 5, 595), LimitOrder("BUY", 5, 190)], "pair", 1
    )
    trades = [ib.placeOrder(spy, first), ib.placeOrder(aapl, second)]
    await world.settle(ib)
    assert [(trade.order.ocaGroup, trade.order.ocaType) for trade in trades] == [("pair", 1)] * 2
    move(world, "594.00", "594.50")
    await world.settle(ib)
    assert [trade.orderStatus.status for trade in trades] == ["Filled", "Cancelled"]


async def test_nothing_fills_in_a_halt_and_clients_see_it(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    ticker = ib.reqMktData(spy)
    world.exchange.halt(SPY)
    trade = ib.placeOrder(spy, MarketOrder("BUY", 5))
    await world.settle(ib)
    assert (trade.filled(), ticker.halted) == (0, 1.0)
    world.exchange.halt(SPY, 0)
    await world.settle(ib)
    assert (trade.orderStatus.status, ticker.halted) == ("Filled", 0.0)


async def test_prices_that_step_by_more_from_a_dollar_on_are_a_market_rule(world: Any) -> None:
    steps = (
        PriceIncrement(low_edge=Decimal(0), increment=Decimal("0.0001")),
        PriceIncrement(low_edge=Decimal(1), increment=Decimal("0.01")),
    )
    world.list(Instrument(con_id=5, symbol="PENNY", price_increments=steps))
    await world.gateway()
    ib = await world.client()
    (details,) = await ib.reqContractDetailsAsync(Stock("PENNY", "SMART", "USD"))
    rule = await ib.reqMarketRuleAsync(int(details.marketRuleIds.split(",")[0]))
    assert [(step.lowEdge, step.increment) for step in rule] == [(0.0, 0.0001), (1.0, 0.01)]


async def test_money_is_changed_by_buying_a_pair_of_currencies(world: Any) -> None:
    pair = Instrument(
        con_id=12087792,
        symbol="EUR",
        sec_type="CASH",
        exchange="IDEALPRO",
        valid_exchanges=("IDEALPRO",),
        local_symbol="EUR.USD",
        min_tick=Decimal("0.00005"),
    )
    world.list(pair)
    quote = world.exchange.quote(SPY)
    rate = {"bid": Decimal("1.25"), "ask": Decimal("1.25005"), "last": None, "close": None}
    world.exchange.set_quote(pair.con_id, replace(quote, **rate, at=None))
    world.exchange.fill_policy = FillPolicy.immediate()
    await world.gateway()
    ib = await world.client(account="DU1")
    (contract,) = await ib.qualifyContractsAsync(Forex("EURUSD"))
    assert contract.conId == 12087792
    trade = ib.placeOrder(contract, MarketOrder("BUY", 1_000))
    await world.settle(ib)
    assert prices(trade) == [1.25005]
    cash = {v.currency: v.value for v in ib.accountValues() if v.tag == "CashBalance"}
    assert cash["EUR"] == "2000.00"
    assert 12087792 not in {position.contract.conId for position in ib.positions()}
