"""Placing and cancelling, on the server's word."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from broker_connector_base import (
    AccountNotFound,
    BrokerConnectionError,
    OrderExecutionError,
    OrderOutcomeUnknown,
    OrderStatus,
)
from ibkr_connector import ErrorCode, Kind
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, OTHER_ACCOUNT, World, open_world, small_exchange
from simulated_exchange import FillPolicy, OrderRequest, OrderType, Side

_PLACE, _CANCEL, _ALL_OPEN, _COMPLETED = 3, 4, 16, 99
_ORDER_STATUS, _ERROR, _OPEN_ORDER, _EXECUTION = 3, 4, 5, 11


def placed(world: World) -> list[Fields]:
    return [fields for _, fields in world.tap.sent if fields[0] == str(_PLACE)]


def error(world: World, order_id: str, code: int, text: str = "words of the gateway") -> None:
    world.tap.say(_ERROR, 2, order_id, code, text, "")


def status(world: World, order_id: str, word: str, *, why_held: str = "") -> None:
    """An orderStatus that the gateway never sent, for an order of client 7."""
    world.tap.say(_ORDER_STATUS, order_id, word, 0, 3, 0, 1700000001, 0, 0, 7, why_held, 0)


async def test_a_market_order_fills_in_the_named_account(world: World) -> None:
    client = await world.client()
    result = await client.place_order(OTHER_ACCOUNT, "BRK.B", 2, client_order_id="rb:1")
    assert (result.status, result.quantity) == (OrderStatus.FILLED, Decimal(2))
    assert result.average_price == Decimal("450.10")
    assert result.permanent_id is not None
    (execution,) = world.exchange.executions()
    assert execution.request.account_id == OTHER_ACCOUNT
    assert execution.request.order_ref == "rb:1"


async def test_the_wire_says_account_time_in_force_and_contract(world: World) -> None:
    client = await world.client()
    await client.place_order(
        ACCOUNT, "AAA", 3, "LIMIT", Decimal("90.00"), client_order_id="rb:2", time_in_force="GTC"
    )
    (fields,) = placed(world)
    # Positions of the fields in placeOrder, message number at 0.
    named = {"conId": 2, "exchange": 9, "currency": 11, "action": 16, "qty": 17, "type": 18}
    assert [fields[at] for at in named.values()] == ["1", "SMART", "USD", "BUY", "3", "LMT"]
    more = {"limit": 19, "tif": 21, "account": 23, "ref": 26, "transmit": 27, "outsideRth": 33}
    assert [fields[at] for at in more.values()] == ["90.00", "GTC", ACCOUNT, "rb:2", "1", "0"]


@pytest.mark.parametrize(("quantity", "on_grid"), [(1, "90.01"), (-1, "120.02")])
async def test_a_limit_is_moved_to_the_grid_in_the_callers_favour(
    world: World, quantity: int, on_grid: str
) -> None:
    client = await world.client()
    asked = Decimal("90.019") if quantity > 0 else Decimal("120.011")
    await client.place_order(ACCOUNT, "AAA", quantity, "LIMIT", asked)
    (order,) = await client.get_open_orders(ACCOUNT)
    assert order.limit_price == Decimal(on_grid)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"quantity": 0}, "whole shares"),
        ({"quantity": Decimal("1.5")}, "whole shares"),
        ({"quantity": Decimal("NaN")}, "whole shares"),
        ({"quantity": Decimal("Infinity")}, "whole shares"),
        ({"order_type": "STOP"}, "order type STOP"),
        ({"order_type": "LIMIT"}, "positive limit"),
        ({"order_type": "LIMIT", "price": Decimal(0)}, "positive limit"),
        ({"order_type": "LIMIT", "price": Decimal("NaN")}, "positive limit"),
        ({"order_type": "LIMIT", "price": Decimal("0.004")}, "below one tick"),
        ({"price": Decimal(5)}, "has no limit"),
        ({"time_in_force": "GTC"}, "good for the day only"),
        ({"time_in_force": "FOREVER"}, "time in force FOREVER"),
    ],
)
async def test_what_the_api_cannot_do_is_refused_before_it_is_sent(
    world: World, arguments: dict[str, Any], why: str
) -> None:
    client = await world.client()
    with pytest.raises(OrderExecutionError, match=why) as refusal:
        await client.place_order(ACCOUNT, "AAA", **{"quantity": 1, **arguments})
    assert "Nothing was sent" in str(refusal.value)
    assert placed(world) == []


async def test_an_account_of_somebody_else_is_refused(world: World) -> None:
    client = await world.client()
    with pytest.raises(AccountNotFound, match="it has DU100, DU200"):
        await client.place_order("DU999", "AAA", 1)
    assert placed(world) == []


async def test_a_rejection_carries_code_and_reason(world: World) -> None:
    client = await world.client()
    with pytest.raises(OrderExecutionError, match="Available Funds") as refusal:
        await client.place_order(OTHER_ACCOUNT, "AAA", 1_000, client_order_id="rich")
    assert refusal.value.code == "201"
    assert await client.get_open_orders(OTHER_ACCOUNT) == []


async def test_a_read_only_gateway_refuses_at_once() -> None:
    async with open_world(read_only=True) as world:
        client = await world.client()
        with pytest.raises(OrderExecutionError, match="Read-Only") as refusal:
            await client.place_order(ACCOUNT, "AAA", 1)
        assert refusal.value.code == "321"


async def test_a_price_off_the_true_grid_is_a_refusal(world: World) -> None:
    client = await world.client()
    world.tap.on_request(_PLACE, lambda fields: error(world, fields[1], 110), swallow=True)
    with pytest.raises(OrderExecutionError) as refusal:
        await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    assert refusal.value.code == "110"


@pytest.mark.parametrize("order_of_news", [("status", "error"), ("error", "status")])
async def test_a_refusal_is_understood_in_either_order(
    world: World, order_of_news: tuple[str, ...]
) -> None:
    def refuse(fields: Fields) -> bool:
        for news in order_of_news:
            if news == "status":
                status(world, fields[1], "Cancelled")
            else:
                error(world, fields[1], 201, "Order rejected - reason: margin")
        return True

    client = await world.client()
    world.tap.on_request(_PLACE, refuse)
    with pytest.raises(OrderExecutionError, match="margin") as refusal:
        await client.place_order(ACCOUNT, "AAA", 1)
    assert refusal.value.code == "201"


async def test_inactive_without_a_word_is_a_refusal_too(world: World) -> None:
    client = await world.client()
    world.tap.on_request(_PLACE, lambda fields: status(world, fields[1], "Inactive"), swallow=True)
    with pytest.raises(OrderExecutionError, match="IB gave no reason") as refusal:
        await client.place_order(ACCOUNT, "AAA", 1)
    assert refusal.value.code is None


async def test_an_order_that_is_swallowed_has_an_unknown_outcome(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.05)
    world.tap.swallow_requests(_PLACE)
    with pytest.raises(OrderOutcomeUnknown, match="not acknowledged") as unknown:
        await client.place_order(ACCOUNT, "AAA", 1, client_order_id="lost")
    assert unknown.value.client_order_id == "lost"
    assert await client.find_order(ACCOUNT, "lost") is None


async def test_pending_submit_alone_is_no_acknowledgement(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.05)
    world.tap.on_request(
        _PLACE, lambda fields: status(world, fields[1], "PendingSubmit"), swallow=True
    )
    with pytest.raises(OrderOutcomeUnknown):
        await client.place_order(ACCOUNT, "AAA", 1, client_order_id="limbo")


async def test_an_unlisted_code_leaves_a_new_order_in_doubt(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.05)
    world.tap.on_request(_PLACE, lambda fields: error(world, fields[1], 77777), swallow=True)
    with pytest.raises(OrderOutcomeUnknown, match="77777"):
        await client.place_order(ACCOUNT, "AAA", 1, client_order_id="odd")


async def test_a_code_can_be_declared_a_refusal_without_a_release(world: World) -> None:
    row = ErrorCode(kind=Kind.REJECTED, meaning="seen in the field", source="support ticket")
    client = await world.client(error_codes={77777: row})
    world.tap.on_request(_PLACE, lambda fields: error(world, fields[1], 77777), swallow=True)
    with pytest.raises(OrderExecutionError) as refusal:
        await client.place_order(ACCOUNT, "AAA", 1)
    assert refusal.value.code == "77777"


async def test_a_late_acknowledgement_still_counts(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.05)
    held: list[Fields] = []
    world.tap.on_reply(_OPEN_ORDER, held.append, times=None, swallow=True)
    world.tap.on_reply(_ORDER_STATUS, held.append, times=None, swallow=True)
    with pytest.raises(OrderOutcomeUnknown):
        await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="slow")
    order_id = held[0][1]
    assert await client.get_order_status(order_id) is OrderStatus.UNKNOWN
    for fields in held:
        world.tap.say(*fields)
    await client.server_time()
    assert await client.get_order_status(order_id) is OrderStatus.WORKING


@pytest.mark.parametrize("ends", ["filled", "cancelled", "works"])
async def test_an_order_whose_answer_was_lost_is_known_after_reconnecting(
    world: World, ends: str
) -> None:
    client = await world.client()
    arrived = asyncio.Event()
    world.exchange.subscribe(lambda _: arrived.set())
    world.tap.on_request(_PLACE, lambda _: world.tap.hang_up())
    limit = Decimal(110 if ends == "filled" else 90)
    with pytest.raises(OrderOutcomeUnknown) as unknown:
        await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", limit, client_order_id="doubt")
    assert unknown.value.client_order_id == "doubt"
    async with asyncio.timeout(2):
        await arrived.wait()
    if ends == "cancelled":
        (order,) = world.exchange.open_orders()
        world.exchange.cancel(order.order_id)
    await client.connect()
    expected = {
        "filled": OrderStatus.FILLED,
        "cancelled": OrderStatus.CANCELLED,
        "works": OrderStatus.WORKING,
    }[ends]
    order_id = placed(world)[0][1]
    assert await client.get_order_status(order_id) is expected
    again = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", limit, client_order_id="doubt")
    assert (again.order_id, again.status) == (order_id, expected)
    assert len(placed(world)) == 1


async def test_a_repeated_key_is_known_in_the_next_session(world: World) -> None:
    first = await world.client(7)
    filled = await first.place_order(ACCOUNT, "BBB", 3, client_order_id="done")
    resting = await first.place_order(
        ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="rest"
    )
    await first.disconnect()
    heir = await world.client(7)
    again = await heir.place_order(ACCOUNT, "BBB", 3, client_order_id="done")
    assert (again.order_id, again.status) == (filled.order_id, OrderStatus.FILLED)
    rest = await heir.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="rest")
    assert rest.order_id == resting.order_id
    assert len(placed(world)) == 2


async def test_the_same_key_in_another_account_is_another_order(world: World) -> None:
    client = await world.client()
    ours = await client.place_order(ACCOUNT, "BBB", 1, client_order_id="key")
    theirs = await client.place_order(OTHER_ACCOUNT, "BBB", 1, client_order_id="key")
    assert ours.order_id != theirs.order_id


async def test_orders_keep_their_order_when_one_has_to_ask_first(world: World) -> None:
    client = await world.client()
    await client.get_instruments(["BBB"])
    await asyncio.gather(
        client.place_order(ACCOUNT, "AAA", 1),
        client.place_order(ACCOUNT, "BBB", 2),
    )
    assert [fields[17] for fields in placed(world)] == ["1", "2"]


@pytest.mark.parametrize("code", [399, 10349, 2109, 2161])
async def test_a_warning_leaves_the_order_working(world: World, code: int) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="w")
    error(world, order.order_id, code)
    await client.server_time()
    assert await client.get_order_status(order.order_id) is OrderStatus.WORKING
    again = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="w")
    assert again.message == f"{code}: words of the gateway"


async def test_a_cancellation_is_told_by_events(world: World) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    async with client.order_events(ACCOUNT) as events:
        await client.cancel_order(order.order_id)
        seen = [await anext(events), await anext(events)]
    assert [getattr(event, "status", None) for event in seen] == [
        OrderStatus.CANCELLING,
        OrderStatus.CANCELLED,
    ]
    await client.cancel_order(order.order_id)  # has ended: nothing to send
    assert world.tap.numbers().count(_CANCEL) == 1


@pytest.mark.parametrize("code", [10147, 10148, 161])
async def test_a_refused_cancellation_is_looked_into(world: World, code: int) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    world.tap.on_request(_CANCEL, lambda fields: error(world, fields[2], code), swallow=True)
    async with client.order_events(ACCOUNT) as events:
        await client.cancel_order(order.order_id)
        seen = [await anext(events) for _ in range(3)]
    assert [getattr(event, "status", None) for event in seen] == [
        OrderStatus.CANCELLING,
        OrderStatus.CANCELLING,
        OrderStatus.WORKING,
    ]
    assert getattr(seen[1], "code", None) == str(code)


@pytest.mark.parametrize("code", [201, 202, 77777])
async def test_a_rumour_of_the_end_is_checked_and_not_believed(world: World, code: int) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    checked = asyncio.Event()
    world.tap.on_reply(53, lambda _: checked.set())
    error(world, order.order_id, code)
    async with asyncio.timeout(2):
        await checked.wait()
    await client.server_time()
    assert await client.get_order_status(order.order_id) is OrderStatus.WORKING


async def test_a_rumour_that_is_true_is_settled_from_the_servers_lists(world: World) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    world.tap.swallow_replies(_ORDER_STATUS, times=None)
    world.tap.swallow_replies(_OPEN_ORDER, times=None)
    async with client.order_events(ACCOUNT) as events:
        (ours,) = world.exchange.open_orders()
        world.exchange.cancel(ours.order_id)
        async with asyncio.timeout(2):
            async for event in events:
                if getattr(event, "status", None) is OrderStatus.CANCELLED:
                    break
    assert await client.get_order_status(order.order_id) is OrderStatus.CANCELLED
    assert _COMPLETED in world.tap.numbers()


async def test_an_order_that_no_list_knows_is_unknown(world: World) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    for reply in (_ORDER_STATUS, _OPEN_ORDER, 101):
        world.tap.swallow_replies(reply, times=None)
    async with client.order_events(ACCOUNT) as events:
        error(world, order.order_id, 202)
        async with asyncio.timeout(2):
            async for event in events:
                if getattr(event, "status", None) is OrderStatus.UNKNOWN:
                    break
    assert await client.get_order_status(order.order_id) is OrderStatus.UNKNOWN


async def test_inactive_while_shares_are_located_stays_alive(world: World) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    status(world, order.order_id, "Inactive", why_held="locate")
    await client.server_time()
    assert await client.get_order_status(order.order_id) is OrderStatus.WORKING


async def test_others_orders_are_listed_under_ids_that_cannot_be_taken_for_ours(
    world: World,
) -> None:
    world.exchange.submit(
        OrderRequest(
            account_id=ACCOUNT,
            con_id=1,
            side=Side.SELL,
            quantity=Decimal(4),
            order_type=OrderType.LMT,
            limit_price=Decimal(130),
        )
    )
    neighbour = await world.client(8)
    theirs = await neighbour.place_order(ACCOUNT, "AAA", 5, "LIMIT", Decimal(80))
    client = await world.client(7)
    manual, other = await client.get_open_orders(ACCOUNT)
    assert (manual.quantity, manual.own, manual.limit_price) == (Decimal(-4), False, Decimal(130))
    assert (other.order_id, other.own) == (f"8/{theirs.order_id}", False)
    for order in (manual, other):
        with pytest.raises(OrderExecutionError, match="client id 7"):
            await client.cancel_order(order.order_id)
        assert await client.get_order_status(order.order_id) is OrderStatus.NOT_FOUND
    assert _CANCEL not in world.tap.numbers()


@pytest.mark.parametrize(
    ("order_id", "expected"),
    [("99", OrderStatus.NOT_FOUND), ("8/3", OrderStatus.NOT_FOUND), ("x", OrderStatus.ERROR)],
)
async def test_an_order_that_is_not_ours_has_no_status(
    world: World, order_id: str, expected: OrderStatus
) -> None:
    client = await world.client()
    assert await client.get_order_status(order_id) is expected


async def test_what_is_left_of_an_order_in_any_list_tells_its_fate(world: World) -> None:
    placer = await world.client(8)
    world.exchange.set_fill_policy("BBB", FillPolicy.partial(2, stall=True))
    part = await placer.place_order(ACCOUNT, "BBB", 5, client_order_id="part")
    await placer.cancel_order(part.order_id)
    await placer.server_time()
    world.exchange.set_fill_policy("BBB", None)
    await placer.place_order(ACCOUNT, "BBB", 1, client_order_id="full")
    seeker = await world.client(9)
    cancelled = await seeker.find_order(ACCOUNT, "part")
    assert cancelled is not None
    assert (cancelled.status, cancelled.quantity) == (OrderStatus.CANCELLED, Decimal(5))
    assert (cancelled.filled_quantity, cancelled.average_price) == (Decimal(2), Decimal("50.05"))
    filled = await seeker.find_order(ACCOUNT, "full")
    assert filled is not None
    assert (filled.status, filled.quantity, filled.filled_quantity) == (
        OrderStatus.FILLED,
        Decimal(1),
        Decimal(1),
    )
    assert await seeker.find_order(OTHER_ACCOUNT, "full") is None


async def test_an_order_that_ended_in_this_session_is_found_without_the_servers_help(
    world: World,
) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="c")
    await client.cancel_order(order.order_id)
    await client.server_time()
    world.tap.swallow_replies(101, times=None)
    found = await client.find_order(ACCOUNT, "c")
    assert found is not None
    assert found.status is OrderStatus.CANCELLED


async def test_a_client_id_that_gets_ids_back_from_others_stays_above_them(world: World) -> None:
    busy = await world.client(8)
    for _ in range(30):
        await busy.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(80))
    client = await world.client(7)
    mine = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    theirs = {
        int(order.order_id.rpartition("/")[2]) for order in await busy.get_open_orders(ACCOUNT)
    }
    assert int(mine.order_id) >= max(theirs)


async def test_no_order_is_sent_while_the_gateway_has_lost_ib(world: World) -> None:
    client = await world.client()
    world.tap.say(_ERROR, 2, -1, 1100, "Connectivity between IBKR and TWS has been lost.", "")
    await client.server_time()
    with pytest.raises(BrokerConnectionError, match="1100"):
        await client.place_order(ACCOUNT, "AAA", 1)
    world.tap.say(_ERROR, 2, -1, 1102, "Connectivity restored - data maintained.", "")
    await client.server_time()
    assert (await client.place_order(ACCOUNT, "AAA", 1)).status is OrderStatus.FILLED
    assert len(placed(world)) == 1


async def test_an_encoding_that_fails_sends_nothing() -> None:
    async with open_world(small_exchange()) as world:
        client = await world.client()
        world.tap.drop()
        with pytest.raises(BrokerConnectionError):
            async with client.order_events(ACCOUNT) as events:
                await anext(events)
        with pytest.raises(BrokerConnectionError, match="Nothing was sent"):
            await client.place_order(ACCOUNT, "AAA", 1)
