"""What a gateway refuses, and with which code."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Stock

from simulated_exchange import Exchange, FillPolicy

PLAIN = {
    "conId": 756733,
    "exchange": "SMART",
    "action": "BUY",
    "totalQuantity": 1,
    "orderType": "LMT",
    "lmtPrice": 500,
}


async def error_of(wire: Any) -> tuple[int, int]:
    """The order's id and the code of the next error; anything before it is skipped."""
    error = (await wire.receive_until("errMsg"))[-1]
    return error.fields["reqId"], error.fields["code"]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"lmtPrice": Decimal("500.001")}, 110),
        ({"totalQuantity": 10_000}, 201),
        ({"action": "SELL", "totalQuantity": 11}, 201),
        ({"totalQuantity": 0}, 434),
        ({"totalQuantity": Decimal("1.5")}, 10243),
        ({"totalQuantity": -1}, 201),
        ({"lmtPrice": None}, 201),
        ({"lmtPrice": -5}, 201),
        ({"lmtPrice": Decimal("1e300")}, 201),
        ({"totalQuantity": Decimal("1e13")}, 201),
        ({"account": "DU9"}, 201),
        ({"action": "HOLD"}, 201),
        ({"tif": "GTD", "goodTillDate": "20261231"}, 201),
        ({"tif": "FOK"}, 201),
        ({"orderType": "REL", "auxPrice": 1}, 387),
        ({"auxPrice": 490}, 201),
        ({"orderType": "STP", "auxPrice": None}, 201),
        ({"orderType": "STP", "auxPrice": 610, "triggerMethod": 7}, 201),
        ({"orderType": "STP LMT", "auxPrice": 610, "lmtPrice": 0}, 201),
        ({"orderType": "TRAIL", "auxPrice": 1, "trailingPercent": 1}, 201),
        ({"orderType": "TRAIL", "trailingPercent": Decimal("1e30")}, 201),
        ({"ocaGroup": "together", "ocaType": 9}, 201),
        ({"parentId": 7}, 135),
        ({"algoStrategy": "Adaptive", "algoParams": ({"tag": "a", "value": "b"},)}, 201),
        ({"cashQty": 1000}, 201),
        ({"conId": 1}, 200),
        ({"conId": 0, "symbol": "SAP", "secType": "STK"}, 200),
        ({"exchange": ""}, 321),
    ],
)
async def test_an_order_with_wrong_terms_is_refused_and_leaves_no_trace(
    world: Any, terms: dict[str, Any], code: int
) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, **{**PLAIN, **terms})
    assert await error_of(wire) == (1, code)
    assert world.exchange.open_orders() == world.exchange.completed_orders() == []


async def test_a_price_that_is_no_number_is_an_error_in_reading(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 1, float("nan")))
    await world.settle(ib)
    assert trade.log[-1].errorCode == 320
    assert world.exchange.open_orders() == []


async def test_ib_async_sees_a_refused_order_as_cancelled_with_the_reason(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 10_000))
    await world.settle(ib)
    assert trade.orderStatus.status == "Cancelled"
    assert trade.log[-1].errorCode == 201
    assert "Available Funds" in trade.log[-1].message


async def test_an_order_off_the_tick_is_cancelled_with_110(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 1, 500.001))
    await world.settle(ib)
    assert (trade.orderStatus.status, trade.log[-1].errorCode) == ("Cancelled", 110)


async def test_a_login_with_several_accounts_has_to_name_one(world: Any) -> None:
    await world.gateway(accounts=None)
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, **PLAIN)
    assert await error_of(wire) == (1, 201)
    wire.send("placeOrder", orderId=2, **PLAIN, account="DU1")
    assert (await wire.receive()).fields["account"] == "DU1"


async def test_an_account_of_another_login_cannot_be_traded(world: Any) -> None:
    await world.gateway(accounts=("DU2",))
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, **PLAIN, account="DU1")
    assert await error_of(wire) == (1, 201)


async def test_a_read_only_gateway_refuses_orders_and_cancellations_with_321(world: Any) -> None:
    await world.gateway(read_only=True)
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, **PLAIN)
    wire.send("cancelOrder", orderId=1)
    wire.send("reqGlobalCancel")
    errors = [await wire.receive() for _ in range(3)]
    assert [(error.fields["reqId"], error.fields["code"]) for error in errors] == [
        (1, 321),
        (1, 321),
        (-1, 321),
    ]
    assert "The API interface is currently in Read-Only mode." in errors[0].fields["text"]


async def test_an_id_that_is_used_up_is_a_duplicate(world: Any) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=7, **{**PLAIN, "orderType": "MKT", "lmtPrice": None})
    await wire.receive_until("commissionReport")
    for order_id in (7, 6):
        wire.send("placeOrder", orderId=order_id, **PLAIN)
        assert await error_of(wire) == (order_id, 103)


async def test_a_refused_order_uses_up_its_id(world: Any) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=7, **{**PLAIN, "lmtPrice": Decimal("0.001")})
    assert await error_of(wire) == (7, 110)
    wire.send("placeOrder", orderId=7, **PLAIN)
    assert await error_of(wire) == (7, 103)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lmtPrice": Decimal("500.001")}, 110),
        ({"totalQuantity": 10_000}, 201),
        ({"orderType": "MKT"}, 329),
        ({"action": "SELL"}, 105),
        ({"tif": "GTC"}, 105),
    ],
)
async def test_a_refused_change_restates_the_old_terms_and_the_order_lives_on(
    world: Any, change: dict[str, Any], code: int
) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, **PLAIN)
    await wire.receive_until("orderStatus")
    wire.send("placeOrder", orderId=1, **{**PLAIN, **change})
    assert await error_of(wire) == (1, code)
    order, status = await wire.receive(), await wire.receive()
    assert (order.fields["lmtPrice"], order.fields["totalQuantity"]) == (500, 1)
    assert (order.fields["orderType"], status.fields["status"]) == ("LMT", "Submitted")


async def test_a_cancellation_finds_only_live_orders_of_its_own_client(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    wire, other = await world.wire(1), await world.wire(2)
    wire.send("cancelOrder", orderId=1)
    assert await error_of(wire) == (1, 10147)
    wire.send("placeOrder", orderId=1, **PLAIN)
    await wire.receive_until("orderStatus")
    other.send("cancelOrder", orderId=1)
    assert await error_of(other) == (1, 10147)
    wire.send("cancelOrder", orderId=1)
    assert await error_of(wire) == (1, 202)
    wire.send("cancelOrder", orderId=1)
    error = await wire.receive()
    assert error.fields["code"] == 10148
    assert error.fields["text"].endswith("cannot be cancelled, state: Cancelled.")


async def test_a_second_cancellation_of_an_order_that_is_being_cancelled_is_161(world: Any) -> None:
    state = world.exchange.save()
    state["books"]["latency"] = {"low": 1.0, "high": 1.0}
    world.exchange = Exchange.restore(state, clock=world.clock)
    world.exchange.fill_policy = FillPolicy.never()
    await world.gateway()
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, **PLAIN)
    wire.send("cancelOrder", orderId=1)
    wire.send("cancelOrder", orderId=1)
    assert await error_of(wire) == (1, 161)
    wire.send("placeOrder", orderId=1, **PLAIN)
    assert await error_of(wire) == (1, 201)


async def test_an_order_without_any_price_to_value_it_is_refused(world: Any, spy: Stock) -> None:
    await world.gateway()
    quote = world.exchange.quote(265598)
    nothing = {"bid": None, "ask": None, "last": None, "close": None}
    world.exchange.set_quote(265598, replace(quote, **nothing))
    wire = await world.wire(1)
    market = {**PLAIN, "conId": 265598, "orderType": "MKT", "lmtPrice": None}
    wire.send("placeOrder", orderId=1, **market)
    assert await error_of(wire) == (1, 201)
    wire.send("placeOrder", orderId=2, **market, whatIf=True)
    assert await error_of(wire) == (2, 201)


async def test_a_short_sale_is_held_with_404_while_shares_are_located(
    world: Any, spy: Stock
) -> None:
    world.exchange.open_account(
        "DU3", cash={"USD": Decimal(100_000)}, margin=True, allow_short=True
    )
    await world.gateway(accounts=("DU3",))
    world.exchange.set_shortable(spy.conId, False)
    ib = await world.client()
    codes: list[int] = []
    ib.errorEvent += lambda _, code, text, contract: codes.append(code)
    trade = ib.placeOrder(spy, MarketOrder("SELL", 5))
    await world.settle(ib)
    # 404 is one of the codes that ib_async takes for a warning: the order is live.
    assert (codes, trade.orderStatus.status) == ([404], "ValidationError")
    assert (trade.orderStatus.whyHeld, trade.isActive()) == ("locate", True)
    world.exchange.set_shortable(spy.conId, True)
    await world.settle(ib)
    assert (trade.orderStatus.status, trade.filled()) == ("Filled", 5)
