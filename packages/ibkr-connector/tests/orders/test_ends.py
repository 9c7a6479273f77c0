"""Cancellations and other ends, of our orders and of those of others."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base import OrderExecutionError, OrderOutcomeUnknown, OrderStatus
from ibkr_connector.testing.world import ACCOUNT, World
from simulated_exchange import OrderRequest, OrderType, Side

from .conftest import error, status

_PLACE, _CANCEL, _COMPLETED = 3, 4, 99
_ORDER_STATUS, _OPEN_ORDER = 3, 5


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


async def test_an_order_that_was_lost_and_is_cancelled_unseen_is_not_there(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
    world.tap.on_request(_PLACE, lambda _: None, swallow=True)
    with pytest.raises(OrderOutcomeUnknown) as unknown:
        await client.place_order(ACCOUNT, "AAA", 1, client_order_id="K")
    assert unknown.value.order_id is not None
    async with client.order_events(ACCOUNT) as events:
        await client.cancel_order(unknown.value.order_id)
        seen = [await anext(events) for _ in range(2)]
    assert [getattr(event, "status", None) for event in seen] == [
        OrderStatus.CANCELLING,
        OrderStatus.NOT_FOUND,
    ]
    assert getattr(seen[1], "code", None) == "10147"


async def test_that_there_is_no_such_order_is_not_believed_unasked(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.2)
    world.tap.swallow_replies(_ORDER_STATUS, times=None)
    world.tap.swallow_replies(_OPEN_ORDER, times=None)
    with pytest.raises(OrderOutcomeUnknown) as unknown:
        await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    error(world, str(unknown.value.order_id), 10147)
    await client.server_time()
    status_now = await client.get_order_status(str(unknown.value.order_id))
    assert status_now is not OrderStatus.NOT_FOUND


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
