"""Orders as ib_async lives through them: filled, resting, changed, cancelled, held."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ib_async import IB, LimitOrder, MarketOrder, Stock, Trade

from simulated_exchange import Exchange, FillPolicy, OrderRequest, OrderType, Side

PATIENCE = 5.0


def statuses(trade: Trade) -> list[str]:
    """The statuses a trade went through, repetitions left out."""
    seen = [entry.status for entry in trade.log]
    return [status for n, status in enumerate(seen) if n == 0 or seen[n - 1] != status]


async def test_a_market_order_fills_and_its_commission_follows(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3, orderRef="rb:1"))
    await asyncio.wait_for(trade.filledEvent, PATIENCE)
    await world.settle(ib)
    (fill,) = trade.fills
    assert statuses(trade) == ["PendingSubmit", "PreSubmitted", "Filled"]
    assert (fill.execution.side, fill.execution.shares, fill.execution.price) == ("BOT", 3, 600.02)
    assert (fill.execution.orderRef, fill.execution.acctNumber) == ("rb:1", "DU1")
    assert fill.execution.time == world.clock.now()
    # USD 0.005 a share, at least USD 1.00; nothing realized by an opening trade
    assert (fill.commissionReport.commission, fill.commissionReport.realizedPNL) == (1.0, 0.0)
    assert trade.orderStatus.avgFillPrice == 600.02


async def test_the_messages_of_a_fill_come_in_a_gateways_order(world: Any, spy: Stock) -> None:
    await world.gateway()
    wire = await world.wire(1)
    order = {"action": "BUY", "totalQuantity": 3, "orderType": "MKT", "exchange": "SMART"}
    wire.send("placeOrder", orderId=1, conId=spy.conId, **order)
    messages = await wire.receive_until("commissionReport")
    assert [(message.name, message.fields.get("status")) for message in messages] == [
        ("openOrder", "PreSubmitted"),
        ("orderStatus", "PreSubmitted"),
        ("execDetails", None),
        ("openOrder", "Filled"),
        ("orderStatus", "Filled"),
        ("commissionReport", None),
    ]
    # What an opening trade realizes is unset on the wire, not 0.
    assert messages[-1].fields["realizedPNL"] is None


async def test_a_sale_reports_what_it_realized(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("SELL", 2))
    await world.settle(ib)
    # 2 x (600.00 - 550.00) less the commission of 1.00
    assert trade.fills[0].commissionReport.realizedPNL == 99.0


async def test_a_limit_order_rests_is_changed_and_then_cancelled(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    assert statuses(trade) == ["PendingSubmit", "Submitted"]
    trade.order.lmtPrice, trade.order.totalQuantity = 591, 4
    assert ib.placeOrder(spy, trade.order) is trade
    await world.settle(ib)
    assert statuses(trade) == ["PendingSubmit", "Submitted"]
    (order,) = world.exchange.open_orders()
    assert (order.request.limit_price, order.request.quantity) == (591, 4)
    ib.cancelOrder(trade.order)
    await world.settle(ib)
    assert statuses(trade) == ["PendingSubmit", "Submitted", "PendingCancel", "Cancelled"]
    assert world.exchange.open_orders() == []


async def test_a_change_to_a_marketable_price_fills_the_order(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    trade.order.lmtPrice = 601
    ib.placeOrder(spy, trade.order)
    await world.settle(ib)
    assert trade.orderStatus.status == "Filled"
    assert trade.orderStatus.avgFillPrice == 600.02


async def test_partial_fills_are_told_one_by_one_with_a_cumulative_average(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    world.exchange.fill_policy = FillPolicy.partial(40, 35, stall=True)
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 80))
    await world.settle(ib)
    assert (trade.orderStatus.status, trade.filled(), trade.remaining()) == ("Submitted", 75, 5)
    assert [fill.execution.cumQty for fill in trade.fills] == [40, 75]
    assert [fill.execution.shares for fill in trade.fills] == [40, 35]
    world.exchange.fill_policy = FillPolicy.immediate()
    await world.settle(ib)
    assert trade.orderStatus.status == "Filled"
    # The minimum of USD 1.00 counts once for the order.
    assert sum(fill.commissionReport.commission for fill in trade.fills) == 1.0


async def test_the_rest_of_an_immediate_or_cancel_order_is_cancelled(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    world.exchange.fill_policy = FillPolicy.partial(2, stall=True)
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 5, 601, tif="IOC"))
    await world.settle(ib)
    assert (trade.orderStatus.status, trade.filled()) == ("Cancelled", 2)


async def test_an_order_on_its_way_is_pending_and_a_fill_can_beat_a_cancellation(
    world: Any, spy: Stock
) -> None:
    world.exchange = slow(world.exchange)
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    assert trade.orderStatus.status == "PreSubmitted"
    ib.cancelOrder(trade.order)
    await world.settle(ib)
    assert trade.orderStatus.status == "PendingCancel"
    world.clock.advance(2)
    await world.settle(ib)
    assert trade.orderStatus.status == "Filled"


async def test_an_order_outside_hours_is_held_with_warning_399_until_the_open(world: Any) -> None:
    await world.gateway()
    world.clock.advance(timedelta(hours=10).total_seconds())
    ib = await world.client()
    texts = listen(ib)
    trade = ib.placeOrder(Stock("NEWS", "SMART", "USD"), MarketOrder("BUY", 3))
    await world.settle(ib)
    assert texts == {
        399: "Order Message: BUY 3 NEWS NYSE Warning: your order will not be placed at the exchange"
        " until 20261123 09:30:00 US/Eastern"
    }
    assert [entry.status for entry in trade.log][-2:] == ["PreSubmitted", "ValidationError"]
    world.clock.advance(timedelta(days=3).total_seconds())
    await world.settle(ib)
    assert trade.orderStatus.status == "Filled"


async def test_a_day_order_ends_with_the_session_and_202(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    texts = listen(ib)
    trade = ib.placeOrder(Stock("NEWS", "SMART", "USD"), LimitOrder("BUY", 3, 9))
    await world.settle(ib)
    world.clock.advance(timedelta(hours=5).total_seconds())
    await world.settle(ib)
    assert trade.orderStatus.status == "Cancelled"
    assert texts == {202: "Order Canceled - reason:"}


async def test_an_order_that_is_refused_at_the_open_is_inactive_with_201(world: Any) -> None:
    await world.gateway(accounts=("DU2",))
    world.clock.advance(timedelta(hours=10).total_seconds())
    ib = await world.client()
    texts = listen(ib)
    news = Stock("NEWS", "SMART", "USD")
    trade = ib.placeOrder(news, MarketOrder("BUY", 250))
    await world.settle(ib)
    quote = world.exchange.quote(990001)
    world.exchange.set_quote(990001, replace(quote, bid=Decimal(20), ask=Decimal("20.01")))
    world.clock.advance(timedelta(days=3).total_seconds())
    await world.settle(ib)
    assert trade.orderStatus.status == "Inactive"
    assert texts[201] == "Order rejected - reason:INSUFFICIENT_FUNDS"


async def test_live_updates_go_to_the_owner_and_to_the_master_client(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    owner, other, master = [await world.client(n) for n in (1, 2, 0)]
    trade = owner.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(owner, other, master)
    assert other.trades() == []
    (seen,) = master.trades()
    assert (seen.order.clientId, seen.order.orderId) == (1, trade.order.orderId)
    assert seen.orderStatus.status == "Filled"
    assert len(master.fills()) == 1
    assert other.fills() == []


async def test_a_global_cancel_ends_the_orders_of_all_clients(world: Any, spy: Stock) -> None:
    await world.gateway()
    first, second = await world.client(1), await world.client(2)
    trades = [ib.placeOrder(spy, LimitOrder("BUY", 1, 500)) for ib in (first, second)]
    await world.settle(first, second)
    first.reqGlobalCancel()
    await world.settle(first, second)
    assert [trade.orderStatus.status for trade in trades] == ["Cancelled", "Cancelled"]


async def test_a_what_if_order_shows_margin_and_commission_and_books_nothing(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client()
    state = await asyncio.wait_for(ib.whatIfOrderAsync(spy, LimitOrder("BUY", 10, 600)), PATIENCE)
    # Regulation T: half of 10 x 600.01, the mark, and a quarter of it to keep. The commission is
    # USD 1.00, and 10 x 0.01 are won by buying below the mark.
    assert float(state.initMarginChange) == 3000.05
    assert float(state.maintMarginChange) == 1500.025
    assert float(state.equityWithLoanChange) == -0.9
    assert (state.commission, state.commissionCurrency) == (1.0, "USD")
    assert world.exchange.open_orders() == world.exchange.completed_orders() == []


async def test_a_what_if_order_outside_hours_is_valued_at_the_market_as_it_is(world: Any) -> None:
    await world.gateway()
    world.clock.advance(timedelta(hours=10).total_seconds())
    ib = await world.client()
    ib.placeOrder(Stock("NEWS", "SMART", "USD"), LimitOrder("BUY", 1, 9))
    order = MarketOrder("SELL", 4)
    spy = Stock("SPY", "SMART", "USD")
    state = await asyncio.wait_for(ib.whatIfOrderAsync(spy, order), PATIENCE)
    assert float(state.initMarginChange) == -1200.02
    news = Stock("NEWS", "SMART", "USD")
    state = await asyncio.wait_for(ib.whatIfOrderAsync(news, MarketOrder("BUY", 100)), PATIENCE)
    assert float(state.initMarginChange) == 500.5
    assert len(world.exchange.open_orders()) == 1


async def test_an_order_that_no_client_placed_has_no_order_id(world: Any, spy: Stock) -> None:
    await world.gateway()
    exchange = world.exchange
    exchange.submit(manual(spy.conId))
    owner, master = await world.client(1), await world.client(0)
    assert owner.openTrades() == []
    (trade,) = master.openTrades()
    assert (trade.order.orderId, trade.order.clientId) == (0, 0)
    (trade,) = await owner.reqAllOpenOrdersAsync()
    assert trade.order.permId == exchange.open_orders()[0].order_id


def manual(con_id: int) -> OrderRequest:
    """What somebody at the exchange's own desk would ask for."""
    return OrderRequest(
        account_id="DU1",
        con_id=con_id,
        side=Side.BUY,
        quantity=Decimal(1),
        order_type=OrderType.LMT,
        limit_price=Decimal(500),
    )


def slow(exchange: Exchange) -> Exchange:
    """The same exchange, a second away."""
    state = exchange.save()
    state["books"]["latency"] = {"low": 1.0, "high": 1.0}
    return Exchange.restore(state, clock=exchange.clock)


def listen(ib: IB) -> dict[int, str]:
    """Codes and texts of all errors from here on."""
    texts: dict[int, str] = {}

    def note(request: int, code: int, text: str, contract: object) -> None:
        texts[code] = text

    ib.errorEvent += note
    return texts
