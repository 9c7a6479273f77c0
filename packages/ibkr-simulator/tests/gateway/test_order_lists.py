"""Open and completed orders and executions: asked for, after a reconnect, after a restart."""

from datetime import timedelta
from typing import Any

import pytest
from ib_async import IB, ExecutionFilter, LimitOrder, MarketOrder, Stock


async def working_and_filled(world: Any, ib: IB, spy: Stock) -> tuple[Any, Any]:
    """A resting limit order and a filled market order."""
    resting = ib.placeOrder(spy, LimitOrder("BUY", 1, 500, orderRef="rests"))
    filled = ib.placeOrder(spy, MarketOrder("BUY", 2, orderRef="fills"))
    await world.settle(ib)
    return resting, filled


async def test_open_orders_are_a_clients_own_and_all_open_orders_everybodys(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    first, second = await world.client(1), await world.client(2)
    await working_and_filled(world, first, spy)
    assert await second.reqOpenOrdersAsync() == []
    (trade,) = await second.reqAllOpenOrdersAsync()
    assert (trade.order.clientId, trade.order.orderRef) == (1, "rests")
    assert (trade.order.lmtPrice, trade.orderStatus.status) == (500.0, "Submitted")


async def test_orders_of_accounts_outside_the_login_are_not_shown(world: Any, spy: Stock) -> None:
    await world.gateway()
    await working_and_filled(world, await world.client(1), spy)
    await world.gateway(accounts=("DU2",))
    stranger = await world.client(9)
    assert await stranger.reqAllOpenOrdersAsync() == []
    assert await stranger.reqCompletedOrdersAsync(False) == []
    assert await stranger.reqExecutionsAsync() == []


async def test_a_new_connection_finds_orders_and_executions_of_before(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    first = await world.client(1)
    await working_and_filled(world, first, spy)
    first.disconnect()
    again = await world.client(1)
    (resting,) = again.openTrades()
    assert (resting.order.orderRef, resting.order.clientId) == ("rests", 1)
    (fill,) = again.fills()
    assert (fill.execution.orderRef, fill.execution.shares) == ("fills", 2)
    assert fill.commissionReport.commission == 1.0
    again.cancelOrder(resting.order)
    await world.settle(again)
    assert resting.orderStatus.status == "Cancelled"


async def test_completed_orders_say_how_they_ended(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client(1)
    resting, _ = await working_and_filled(world, ib, spy)
    ib.cancelOrder(resting.order)
    await world.settle(ib)
    wire = await world.wire(2)
    wire.send("reqCompletedOrders", apiOnly=True)
    ended = (await wire.receive_until("completedOrdersEnd"))[:-1]
    assert {(o.fields["orderRef"], o.fields["completedStatus"]) for o in ended} == {
        ("rests", "Cancelled by Trader"),
        ("fills", "Filled Size: 2"),
    }
    assert {o.fields["completedTime"] for o in ended} == {"20261120 12:00:00 US/Eastern"}
    fresh = await world.client(3)
    assert {trade.orderStatus.status for trade in fresh.trades()} == {"Cancelled", "Filled"}


async def test_yesterdays_orders_and_executions_are_not_shown(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client(1)
    ib.placeOrder(spy, MarketOrder("BUY", 2))
    await world.settle(ib)
    world.clock.advance(timedelta(hours=12).total_seconds())
    assert await ib.reqCompletedOrdersAsync(False) == []
    assert await ib.reqExecutionsAsync() == []


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ({}, 2),
        ({"symbol": "AAPL"}, 1),
        ({"side": "SELL"}, 0),
        ({"side": "BUY"}, 2),
        ({"side": "BOT"}, 2),
        ({"clientId": 1}, 1),
        ({"clientId": 3}, 0),
        ({"acctCode": "DU1"}, 2),
        ({"acctCode": "DU2"}, 0),
        ({"secType": "OPT"}, 0),
        ({"exchange": "ARCA"}, 1),
        ({"time": "20261120 12:00:01"}, 1),
        ({"time": "20261120-17:00:01"}, 1),
        ({"time": "20261120 18:00:01 Europe/Berlin"}, 1),
    ],
)
async def test_executions_are_filtered(
    world: Any, spy: Stock, aapl: Stock, terms: dict[str, Any], found: int
) -> None:
    await world.gateway()
    first, second = await world.client(1), await world.client(2)
    first.placeOrder(spy, MarketOrder("BUY", 1))
    await world.settle(first)
    world.clock.advance(2)
    second.placeOrder(aapl, MarketOrder("BUY", 1))
    await world.settle(second)
    assert len(await first.reqExecutionsAsync(ExecutionFilter(**terms))) == found


@pytest.mark.parametrize(
    "time",
    ["noon", "20261120 12:00:00 Atlantis/City", "20261120 12:00:00 US", "20261320 12:00:00"],
)
async def test_a_filter_with_an_impossible_time_is_refused(world: Any, time: str) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("reqExecutions", reqId=5, time=time)
    error = await wire.receive()
    assert (error.fields["reqId"], error.fields["code"]) == (5, 321)


async def test_after_a_restart_orders_work_ids_go_on_and_executions_are_there(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client(1)
    resting, filled = await working_and_filled(world, ib, spy)
    used = max(resting.order.orderId, filled.order.orderId)
    ib.disconnect()
    await world.restart()
    again = await world.client(1)
    assert again.client.getReqId() > used
    (order,) = [trade.order for trade in again.openTrades()]
    assert (order.orderId, order.permId) == (resting.order.orderId, resting.order.permId)
    assert len(again.fills()) == 1
    again.cancelOrder(order)
    await world.settle(again)
    assert again.openTrades() == []


async def test_each_client_counts_its_own_order_ids(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client(1)
    await working_and_filled(world, ib, spy)
    used = max(trade.order.orderId for trade in ib.trades())
    ib.disconnect()
    for client_id, next_id in ((2, 1), (1, used + 1)):
        wire = await world.wire()
        await wire.hello()
        wire.send("startApi", clientId=client_id)
        welcome = await wire.receive_until("nextValidId")
        assert welcome[-1].fields["id"] == next_id
