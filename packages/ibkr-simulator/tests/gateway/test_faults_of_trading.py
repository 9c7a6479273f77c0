"""Orders that fill in part, after their cancellation, or are cancelled by the broker; and stale
accounts."""

from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Stock, StopOrder

from .conftest import SPY


async def test_an_order_fills_in_part_and_stalls_until_the_rule_is_over(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "partial", "sizes": [3, 1], "seconds": 60})
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 10))
    await world.settle(ib)
    assert (trade.orderStatus.status, trade.filled(), trade.remaining()) == ("Submitted", 4, 6)
    world.clock.advance(60)
    await world.settle(ib)
    assert (trade.orderStatus.status, trade.filled()) == ("Filled", 10)


async def test_a_part_can_be_a_fraction_of_the_order_in_whole_shares(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "partial", "fraction": 0.5})
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 5))
    await world.settle(ib)
    assert (trade.filled(), trade.remaining()) == (2, 3)


async def test_an_order_that_makes_no_sense_is_refused_as_ever(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "partial", "sizes": [1]})
    ib = await world.client()
    trade = ib.placeOrder(Stock("NOSUCH", "SMART", "USD"), MarketOrder("BUY", 3))
    await world.settle(ib)
    assert trade.log[-1].errorCode == 200


async def test_only_the_matched_order_stalls_and_not_its_symbol(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "partial", "sizes": [1], "order_ref": "mine"})
    ib = await world.client()
    before = ib.placeOrder(spy, LimitOrder("BUY", 10, 590))
    mine = ib.placeOrder(spy, MarketOrder("BUY", 10, orderRef="mine"))
    after = ib.placeOrder(spy, MarketOrder("BUY", 10))
    await world.settle(ib)
    assert [trade.filled() for trade in (before, mine, after)] == [0, 1, 10]


async def test_an_order_that_waits_for_a_confirmation_is_on_no_list(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "unconfirmed", "seconds": 60})
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 10))
    await world.settle(ib)
    world.clock.advance(59)
    assert await ib.reqAllOpenOrdersAsync() == []
    assert (trade.orderStatus.status, trade.fills) == ("PendingSubmit", [])
    world.clock.advance(1)
    await world.settle(ib)
    assert (trade.orderStatus.status, trade.filled()) == ("Filled", 10)


@pytest.mark.parametrize(("seconds", "filled"), [(4, 0), (6, 1)])
async def test_a_session_that_ends_at_once_takes_it_along(
    world: Any, spy: Stock, seconds: int, filled: int
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "unconfirmed", "seconds": 60})
    ib = await world.client()
    ib.placeOrder(spy, MarketOrder("BUY", 10))
    await world.settle(ib)
    world.clock.advance(seconds)
    ib.disconnect()
    await world.gone(1)
    world.clock.advance(60)
    assert len(world.exchange.executions()) == filled


async def test_only_the_cancelled_order_fills_and_the_market_stays_where_it_is(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "fill_after_cancel"})
    ib = await world.client()
    cancelled = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    dearer = ib.placeOrder(spy, LimitOrder("BUY", 3, 595))
    quotes = []
    world.exchange.subscribe(lambda event: quotes.append(type(event).__name__))
    ib.cancelOrder(cancelled.order)
    await world.settle(ib)
    assert (cancelled.filled(), dearer.filled()) == (3, 0)
    assert "QuoteChanged" not in quotes


async def test_a_stop_that_waits_for_its_trigger_is_cancelled_after_all(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "fill_after_cancel", "confirmed": True})
    ib = await world.client()
    stop = ib.placeOrder(spy, StopOrder("BUY", 3, 700))
    await world.settle(ib)
    ib.cancelOrder(stop.order)
    await world.settle(ib)
    assert (stop.orderStatus.status, stop.filled()) == ("Cancelled", 0)
    assert world.exchange.open_orders() == []


@pytest.mark.parametrize("seconds", [0, 5])
async def test_a_fill_can_beat_a_cancellation(world: Any, spy: Stock, seconds: float) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "fill_after_cancel", "seconds": seconds})
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    ib.cancelOrder(trade.order)
    await world.settle(ib)
    if seconds:
        assert trade.orderStatus.status == "PendingCancel"
        world.clock.advance(seconds)
        await world.settle(ib)
    # The limit is kept, and the market is where it was.
    assert [fill.execution.price for fill in trade.fills] == [590.0]
    assert world.exchange.quote(SPY).bid == 600
    # ib_async takes the 10148 that follows for nothing: the order is done.
    assert trade.orderStatus.status == "Filled"


async def test_a_fill_can_follow_a_confirmed_cancellation(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "fill_after_cancel", "seconds": 5, "confirmed": True})
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    ib.cancelOrder(trade.order)
    await world.settle(ib)
    assert trade.orderStatus.status == "Cancelled"
    world.clock.advance(5)
    await world.settle(ib)
    assert trade.filled() == 3
    assert world.exchange.open_orders() == []


async def test_a_cancellation_of_nothing_is_refused_as_ever(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "fill_after_cancel"})
    wire = await world.wire(1)
    wire.send("cancelOrder", orderId=9)
    assert (await wire.receive()).fields["code"] == 10147


async def test_the_broker_can_cancel_an_order(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "cancel", "order_ref": "rb:1"})
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590, orderRef="rb:1"))
    await world.settle(ib)
    assert trade.orderStatus.status == "Cancelled"
    assert world.exchange.open_orders() == []


async def test_accounts_and_positions_can_be_stale_for_a_while(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    ib = await world.client(account="DU1")
    cash = [v.value for v in ib.accountValues() if (v.tag, v.currency) == ("CashBalance", "USD")]
    assert cash == ["50000.00"]
    gateway.faults.add({"action": "stale", "seconds": 60, "message": "placeOrder"})
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    assert trade.orderStatus.status == "Filled"

    async def told() -> tuple[list[float], list[str], list[float]]:
        await world.settle(ib)
        asked = [p.position for p in await ib.reqPositionsAsync() if p.contract.conId == SPY]
        values = [v.value for v in ib.accountValues() if v.tag == "TotalCashBalance"]
        return asked, values[1:2], [p.position for p in ib.portfolio() if p.contract.conId == SPY]

    assert await told() == ([10.0], ["50000.00"], [10.0])
    world.clock.advance(60)
    # 3 x 600.02 and the commission of 1.00
    assert await told() == ([13.0], ["48198.94"], [13.0])


async def test_positions_that_were_pushed_late_are_pushed_when_stale_accounts_are_over(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    wire = await world.wire(1)
    wire.send("reqPositions")
    await wire.receive_until("positionEnd")
    gateway.faults.add({"action": "stale", "seconds": 60})
    order = {"exchange": "SMART", "action": "SELL", "totalQuantity": 10, "orderType": "MKT"}
    wire.send("placeOrder", orderId=1, conId=SPY, **order)
    heard = [message.name for message in await wire.receive_until("commissionReport")]
    assert "position" not in heard
    world.clock.advance(60)
    position = await wire.receive()
    assert (position.fields["conId"], position.fields["position"]) == (SPY, 0)
