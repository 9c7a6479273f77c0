"""Messages that are lost, late, doubled, out of order, altered or refused by a rule."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Stock

from ibkr_simulator import BadRule

ORDER = {"exchange": "SMART", "action": "BUY", "totalQuantity": 3, "orderType": "MKT"}
REST = {**ORDER, "orderType": "LMT", "lmtPrice": 590}


async def names_until_time(wire: Any) -> list[str]:
    """What the client hears before the answer to a request for the time, without errors."""
    wire.send("reqCurrentTime")
    return [message.name for message in await wire.receive_until("currentTime")][:-1]


async def test_a_swallowed_order_never_was(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "swallow", "message": "placeOrder", "symbol": "SPY"})
    ib = await world.client()
    lost = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    assert lost.orderStatus.status == "PendingSubmit"
    assert world.exchange.completed_orders() == []
    # The rule was for one message.
    ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    assert len(world.exchange.completed_orders()) == 1


async def test_a_swallowed_cancellation_is_never_acknowledged(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "swallow", "message": "cancelOrder", "times": 0})
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    ib.cancelOrder(trade.order)
    await world.settle(ib)
    assert trade.orderStatus.status == "PendingCancel"
    assert len(world.exchange.open_orders()) == 1


async def test_a_swallowed_end_marker_leaves_a_request_without_an_end(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "swallow", "message": "positionEnd"})
    wire = await world.wire(1)
    wire.send("reqPositions")
    assert await names_until_time(wire) == ["position", "position"]
    wire.send("reqPositions")
    assert await names_until_time(wire) == ["position", "position", "positionEnd"]


async def test_a_delayed_message_holds_up_all_behind_it(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "delay", "seconds": 5, "message": "execDetails"})
    wire, onlooker = await world.wire(1), await world.wire(2)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **ORDER)
    before = [message.name for message in (await wire.receive(), await wire.receive())]
    assert before == ["openOrder", "orderStatus"]
    assert await names_until_time(onlooker) == []
    world.clock.advance(5)
    after = [message.name for message in await wire.receive_until("commissionReport")]
    assert after == ["execDetails", "openOrder", "orderStatus", "commissionReport"]


async def test_a_late_message_is_overtaken(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "late", "seconds": 5, "message": "commissionReport"})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **ORDER)
    assert "commissionReport" not in await names_until_time(wire)
    world.clock.advance(5)
    assert (await wire.receive()).name == "commissionReport"


async def test_a_status_can_come_before_its_execution(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add(
        {"action": "reorder", "after": "orderStatus", "message": "execDetails", "client_id": 1}
    )
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **ORDER)
    assert await names_until_time(wire) == [
        "openOrder",
        "orderStatus",
        "openOrder",
        "orderStatus",
        "execDetails",
        "commissionReport",
    ]


async def test_executions_can_come_in_the_wrong_order(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "reorder", "after": "execDetails", "message": "execDetails"})
    ib = await world.client()
    trades = [ib.placeOrder(spy, MarketOrder("BUY", size)) for size in (1, 2)]
    await world.settle(ib)
    assert [fill.execution.shares for fill in ib.fills()] == [2, 1]
    assert [trade.filled() for trade in trades] == [1, 2]


async def test_a_message_can_come_three_times(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "duplicate", "copies": 3, "message": "execDetails"})
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    # ib_async knows an execution again by its id.
    assert trade.filled() == 3
    wire = await world.wire(2)
    gateway.faults.add({"action": "duplicate", "copies": 3, "message": "currentTime"})
    wire.send("reqCurrentTime")
    assert [(await wire.receive()).name for _ in range(3)] == ["currentTime"] * 3


async def test_a_doubled_order_is_a_duplicate_id(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "duplicate", "message": "placeOrder"})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **ORDER)
    assert (await wire.receive_until("errMsg"))[-1].fields["code"] == 103
    assert len(world.exchange.executions()) == 1


async def test_fields_can_be_altered_where_others_have_a_value(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add(
        {
            "action": "edit",
            "fields": {"value": "false"},
            "direction": "reply",
            "times": 0,
            "where": {"key": "AccountReady"},
        }
    )
    gateway.faults.add({"action": "edit", "fields": {"position": "7.5"}, "message": "position"})
    ib = await world.client(account="DU1")
    values = {value.tag: value.value for value in ib.accountValues()}
    assert values["AccountReady"] == "false"
    assert [position.position for position in ib.positions()] == [7.5, 5.0]


@pytest.mark.parametrize(
    ("price", "bid"), [("NaN", math.nan), ("1.7976931348623157E308", 1.7976931348623157e308)]
)
async def test_a_price_can_be_none(world: Any, spy: Stock, price: str, bid: float) -> None:
    gateway = await world.gateway()
    gateway.faults.add(
        {
            "action": "edit",
            "fields": {"price": price},
            "message": "tickPrice",
            "where": {"tickType": 1},
        }
    )
    ib = await world.client()
    (ticker,) = await ib.reqTickersAsync(spy)
    assert ticker.ask == 600.02
    assert ticker.bid == pytest.approx(bid, nan_ok=True)


async def test_a_price_can_be_empty(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "edit", "fields": {"price": ""}, "message": "tickPrice"})
    ib = await world.client()
    (ticker,) = await ib.reqTickersAsync(spy)
    # ib_async passes over a tick without a price.
    assert (math.isnan(ticker.bid), ticker.ask) == (True, 600.02)


async def test_a_request_can_be_altered_on_its_way(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add(
        {"action": "edit", "fields": {"lmtPrice": "589.5"}, "message": "placeOrder", "times": 0}
    )
    ib = await world.client()
    ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    (order,) = world.exchange.open_orders()
    assert order.request.limit_price == Decimal("589.5")


async def test_a_clock_can_be_wrong(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "edit", "fields": {"time": 1795190400}, "message": "currentTime"})
    ib = await world.client()
    told = await ib.reqCurrentTimeAsync()
    assert world.clock.now() - told == timedelta(hours=1)


async def test_messages_without_the_field_are_left_as_they_are(world: Any) -> None:
    gateway = await world.gateway()
    rule = {"action": "edit", "fields": {"position": 7}, "direction": "reply", "times": 0}
    gateway.faults.add(rule)
    wire = await world.wire(1)
    wire.send("reqPositions")
    heard = await wire.receive_until("positionEnd")
    assert [message.fields.get("position") for message in heard] == [7, 7, None]


async def test_an_order_that_is_rejected_by_rule_never_reaches_the_exchange(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add(
        {
            "action": "reject",
            "code": 201,
            "text": "Order rejected - reason:no",
            "advanced": '{"8229":"IBDBUYTX"}',
            "message": "placeOrder",
        }
    )
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    assert trade.orderStatus.status == "Cancelled"
    assert "Order rejected - reason:no" in trade.log[-1].message
    assert trade.advancedError == '{"8229":"IBDBUYTX"}'
    assert world.exchange.completed_orders() == []
    assert ib.client.getReqId() > trade.order.orderId


async def test_a_change_that_is_rejected_restates_the_order_as_it_was(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "reject", "code": 201, "message": "modifyOrder"})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **REST)
    await wire.receive_until("orderStatus")
    wire.send("placeOrder", orderId=1, conId=spy.conId, **{**REST, "lmtPrice": 591})
    error, restated, _ = [await wire.receive() for _ in range(3)]
    assert (error.fields["code"], restated.fields["lmtPrice"]) == (201, 590)
    (order,) = world.exchange.open_orders()
    assert order.request.limit_price == 590


@pytest.mark.parametrize("code", [10349, 399, 2109, 10148, 10147, 161, 202])
async def test_a_notice_on_an_order_leaves_it_alive(world: Any, spy: Stock, code: int) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "notice", "code": code, "message": "placeOrder"})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **REST)
    heard = await wire.receive_until("errMsg")
    assert (heard[-1].fields["reqId"], heard[-1].fields["code"]) == (1, code)
    assert heard[-1].fields["text"]
    assert len(world.exchange.open_orders()) == 1


async def test_ib_async_takes_notice_10349_for_the_end_of_an_order_that_lives(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "notice", "code": 10349, "first": True, "message": "placeOrder"})
    gateway.faults.add({"action": "swallow", "message": "orderStatus", "times": 0})
    ib = await world.client()
    trade = ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    assert trade.orderStatus.status == "Cancelled"
    assert len(world.exchange.open_orders()) == 1


async def test_a_market_data_request_can_meet_a_competing_session(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "reject", "code": 10197, "message": "reqMktData"})
    wire = await world.wire(1)
    wire.send("reqMktData", reqId=7, conId=spy.conId, exchange="SMART", snapshot=True)
    error = await wire.receive()
    assert (error.fields["reqId"], error.fields["code"]) == (7, 10197)


async def test_an_execution_can_be_corrected(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "correct", "price": "600.01", "symbol": "SPY"})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **ORDER)
    wire.send("reqCurrentTime")
    messages = await wire.receive_until("currentTime")
    first, second = [m.fields for m in messages if m.name == "execDetails"]
    assert first["execId"].endswith(".01")
    assert second["execId"] == first["execId"][:-2] + "02"
    assert (first["price"], second["price"]) == (Decimal("600.02"), Decimal("600.01"))
    assert second["shares"] == first["shares"]
    costs = [m.fields["execId"] for m in messages if m.name == "commissionReport"]
    assert costs == [first["execId"], second["execId"]]
    # The books agree: 3 x 600.01 and the commission of 1.00 are paid.
    assert world.exchange.account("DU1").cash["USD"] == Decimal("48198.97")


async def test_three_violations_of_the_pace_end_the_connection(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "pacing", "message": "reqCurrentTime", "times": 0})
    wire = await world.wire(1)
    for _ in range(3):
        wire.send("reqCurrentTime")
    codes = [(await wire.receive()).fields["code"] for _ in range(3)]
    assert codes == [100, 100, 100]
    assert await wire.at_end()


async def test_a_login_can_be_kept_waiting_for_its_accounts(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "late", "seconds": 3, "message": "managedAccounts"})
    wire = await world.wire()
    await wire.hello()
    wire.send("startApi", clientId=1)
    heard = [(await wire.receive()).name for _ in range(4)]
    assert "managedAccounts" not in heard
    world.clock.advance(3)
    assert (await wire.receive()).name == "managedAccounts"


async def test_a_rule_takes_effect_at_the_nth_message_and_so_many_times(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "swallow", "message": "reqCurrentTime", "nth": 2, "times": 2})
    wire = await world.wire(1)
    for _ in range(4):
        wire.send("reqCurrentTime")
    wire.send("reqIds")
    heard = [message.name for message in await wire.receive_until("nextValidId")]
    assert heard == ["currentTime", "currentTime", "nextValidId"]
    (rule,) = gateway.faults.listed()
    assert rule == {
        "number": 1,
        "seen": 3,
        "acted": 2,
        "action": "swallow",
        "direction": "request",
        "message": "reqCurrentTime",
        "nth": 2,
        "times": 2,
    }


async def test_chance_is_drawn_from_the_seed_of_the_rule(world: Any) -> None:
    gateway = await world.gateway()
    wire = await world.wire(1)

    async def draw(seed: int) -> list[bool]:
        gateway.faults.clear()
        gateway.faults.add(
            {
                "action": "swallow",
                "message": "reqCurrentTime",
                "times": 0,
                "probability": 0.5,
                "seed": seed,
            }
        )
        for _ in range(20):
            wire.send("reqCurrentTime")
            wire.send("reqIds")
        return [len(await wire.receive_until("nextValidId")) == 2 for _ in range(20)]

    first, again, other = await draw(1), await draw(1), await draw(2)
    assert first == again != other
    assert 0 < sum(first) < 20


@pytest.mark.parametrize(
    ("terms", "hits"),
    [
        ({"client_id": 1}, True),
        ({"client_id": 2}, False),
        ({"symbol": "SPY"}, True),
        ({"symbol": "AAPL"}, False),
        ({"order_id": 1}, True),
        ({"order_id": 2}, False),
        ({"order_ref": "rb:1"}, True),
        ({"order_ref": "rb:2"}, False),
    ],
)
@pytest.mark.parametrize(
    "message", ["placeOrder", "openOrder", "orderStatus", "execDetails", "commissionReport"]
)
async def test_a_rule_knows_what_a_message_is_about(
    world: Any, spy: Stock, message: str, terms: dict[str, Any], hits: bool
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "duplicate", "copies": 1, "message": message, **terms})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, orderRef="rb:1", **ORDER)
    await wire.receive_until("commissionReport")
    assert gateway.faults.listed()[0]["acted"] == int(hits)


async def test_rules_know_ticks_and_errors_by_their_request(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "swallow", "message": "tickPrice", "symbol": "SPY", "times": 0})
    gateway.faults.add({"action": "swallow", "message": "errMsg", "symbol": "SPY"})
    wire = await world.wire(1)
    wire.send("reqMktData", reqId=7, conId=spy.conId, exchange="SMART")
    await names_until_time(wire)
    quote = world.exchange.quote(spy.conId)
    world.exchange.set_quote(spy.conId, replace(quote, bid=Decimal("599.99"), at=None))
    assert "tickPrice" not in await names_until_time(wire)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **REST)
    wire.send("cancelOrder", orderId=1)
    assert "errMsg" not in await names_until_time(wire)


async def test_clearing_takes_rules_back_and_delays_end_in_their_time(world: Any) -> None:
    gateway = await world.gateway()
    number = gateway.faults.add({"action": "delay", "seconds": 5, "message": "currentTime"})
    wire = await world.wire(1)
    wire.send("reqCurrentTime")
    wire.send("reqIds")
    other = await world.wire(2)
    other.send("reqIds")
    await other.receive()
    gateway.faults.clear(number)
    assert gateway.faults.listed() == []
    world.clock.advance(5)
    assert [(await wire.receive()).name for _ in range(2)] == ["currentTime", "nextValidId"]
    with pytest.raises(BadRule, match="no rule 9"):
        gateway.faults.clear(9)


async def test_a_request_can_be_delayed_past_the_end_of_its_connection(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "late", "seconds": 5, "message": "placeOrder"})
    ib = await world.client()
    ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    ib.disconnect()
    await world.gone(1)
    world.clock.advance(5)
    assert len(world.exchange.executions()) == 1
