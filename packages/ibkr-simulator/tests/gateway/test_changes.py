"""Changes of working orders that are refused, as ib_async sees it: the order lives on as it was.

ib_async takes the refusal for the order's end, and learns better from what follows it.
"""

from typing import Any

import pytest
from ib_async import IB, LimitOrder, Stock, Trade

from simulated_exchange import Exchange


def errors(ib: IB) -> list[tuple[int, int]]:
    """Order id and code of all errors from here on."""
    heard: list[tuple[int, int]] = []
    ib.errorEvent += lambda order_id, code, text, contract: heard.append((order_id, code))
    return heard


def statuses(trade: Trade) -> list[str]:
    """What ib_async took the order's status for, one after the other, from here on."""
    seen: list[str] = []
    trade.statusEvent += lambda changed: seen.append(changed.orderStatus.status)
    return seen


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lmtPrice": 590.001}, 110),
        ({"totalQuantity": 10_000}, 201),
        ({"orderType": "MKT"}, 329),
        ({"action": "SELL"}, 105),
        ({"tif": "GTC"}, 105),
    ],
)
async def test_an_order_lives_on_as_it_was(
    world: Any, spy: Stock, change: dict[str, Any], code: int
) -> None:
    await world.gateway()
    ib = await world.client()
    heard = errors(ib)
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    for name, value in change.items():
        setattr(trade.order, name, value)
    ib.placeOrder(spy, trade.order)
    await world.settle(ib)
    assert heard == [(trade.order.orderId, code)]
    assert (trade.isActive(), trade.orderStatus.status) == (True, "Submitted")
    assert (trade.order.lmtPrice, trade.order.totalQuantity) == (590, 3)
    (order,) = world.exchange.open_orders()
    assert (order.request.limit_price, order.request.quantity) == (590, 3)
    # And it can still be changed.
    trade.order.lmtPrice, trade.order.orderType = 589, "LMT"
    trade.order.action, trade.order.tif = "BUY", ""
    ib.placeOrder(spy, trade.order)
    await world.settle(ib)
    assert len(heard) == 1
    assert world.exchange.order(order.order_id).request.limit_price == 589


async def test_a_refusal_by_rule_looks_the_same(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "reject", "code": 201, "message": "modifyOrder"})
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    seen = statuses(trade)
    trade.order.lmtPrice = 591
    ib.placeOrder(spy, trade.order)
    await world.settle(ib)
    assert seen == ["Cancelled", "Submitted"]
    assert (trade.isActive(), trade.order.lmtPrice) == (True, 590)
    (order,) = world.exchange.open_orders()
    assert order.request.limit_price == 590


async def test_a_change_can_be_refused_when_it_arrives(world: Any, spy: Stock) -> None:
    state = world.exchange.save()
    state["books"]["latency"] = {"low": 1.0, "high": 1.0}
    world.exchange = Exchange.restore(state, clock=world.clock)
    await world.gateway()
    ib = await world.client()
    heard = errors(ib)
    # DU1 has ten shares.
    trades = [ib.placeOrder(spy, LimitOrder("SELL", 5, 700)) for _ in range(2)]
    await world.settle(ib)
    world.clock.advance(1)
    await world.settle(ib)
    for trade in trades:
        trade.order.totalQuantity = 4
        ib.placeOrder(spy, trade.order)
    await world.settle(ib)
    world.clock.advance(1)
    await world.settle(ib)
    for trade in trades:
        trade.order.totalQuantity = 6
        ib.placeOrder(spy, trade.order)
    await world.settle(ib)
    assert heard == []
    world.clock.advance(1)
    await world.settle(ib)
    first, second = trades
    assert heard == [(second.order.orderId, 201)]
    assert [trade.orderStatus.status for trade in trades] == ["Submitted"] * 2
    assert (first.order.totalQuantity, second.order.totalQuantity) == (6, 4)
