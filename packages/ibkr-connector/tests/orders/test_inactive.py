"""Orders that IB lists as open and inactive: refused, so they say, and yet they may trade."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base import Fill, OrderExecutionError, OrderResult, OrderStatus
from ibkr_connector import IBKRClient
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, World, quote
from simulated_exchange import OrderRequest, OrderType, Side

from .conftest import error, placed, status

_PLACE, _CANCEL, _ALL_OPEN = 3, 4, 16
_ORDER_STATUS, _OPEN_ORDER, _OPEN_END = 3, 5, 53


async def resting(client: IBKRClient) -> OrderResult:
    return await client.place_order(
        ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="rests"
    )


def hold_back(world: World, order: OrderResult) -> None:
    assert order.permanent_id is not None
    world.exchange.set_active(int(order.permanent_id), False)


async def until_gone(client: IBKRClient) -> None:
    async with client.order_events(ACCOUNT) as events, asyncio.timeout(2):
        while await client.get_open_orders(ACCOUNT):
            await anext(events)


async def test_an_inactive_order_of_an_earlier_session_is_open_and_can_be_cancelled(
    world: World,
) -> None:
    before = await world.client()
    order = await resting(before)
    await before.disconnect()
    hold_back(world, order)
    client = await world.client()
    (listed,) = await client.get_open_orders(ACCOUNT)
    found = await client.find_order(ACCOUNT, "rests")
    assert found is not None
    assert (listed.order_id, listed.own, listed.status) == (order.order_id, True, found.status)
    assert found.status is OrderStatus.WORKING
    assert found.message == "IB lists it as open and inactive: it may be activated"
    await client.cancel_order(order.order_id)
    await until_gone(client)
    assert world.tap.numbers().count(_CANCEL) == 1
    assert world.exchange.open_orders() == []
    assert await client.get_order_status(order.order_id) is OrderStatus.CANCELLED


async def test_once_known_as_inactive_an_order_is_told_and_asked_for_no_more(world: World) -> None:
    client = await world.client()
    hold_back(world, await resting(client))
    await client.get_open_orders(ACCOUNT)
    asked = world.tap.numbers().count(_ALL_OPEN)
    async with client.order_events(ACCOUNT) as events:
        for _ in range(3):
            assert len(await client.get_open_orders(ACCOUNT)) == 1
        # Its answer comes after whatever was told before.
        await client.server_time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(events)
    assert world.tap.numbers().count(_ALL_OPEN) == asked + 3


async def test_an_inactive_order_that_is_activated_fills(world: World) -> None:
    client = await world.client()
    order = await resting(client)
    hold_back(world, order)
    await client.get_open_orders(ACCOUNT)
    async with client.order_events(ACCOUNT) as events:
        world.exchange.set_quote(1, quote("89", "89.5"))
        world.exchange.set_active(int(order.permanent_id or 0), True)
        async with asyncio.timeout(2):
            while not isinstance(await anext(events), Fill):
                pass
    await client.server_time()
    assert await client.get_order_status(order.order_id) is OrderStatus.FILLED


async def test_an_activated_order_that_is_refused_then_has_ended(world: World) -> None:
    client = await world.client()
    order = await resting(client)
    hold_back(world, order)
    await client.get_open_orders(ACCOUNT)
    world.exchange.set_active(int(order.permanent_id or 0), True)
    await client.server_time()
    status(world, order.order_id, "Inactive")
    await client.server_time()
    assert await client.get_order_status(order.order_id) is OrderStatus.REJECTED


async def test_a_refused_order_that_stays_in_the_list_is_refused_and_open(world: World) -> None:
    client = await world.client()
    held: list[Fields] = []
    world.tap.on_reply(_OPEN_ORDER, held.append, swallow=True)
    world.tap.on_reply(_ORDER_STATUS, held.append, swallow=True)
    placing = asyncio.create_task(resting(client))
    while len(held) < 2:
        await world.tap.passed()
    (order,) = world.exchange.open_orders()
    world.exchange.set_active(order.order_id, False)
    error(world, held[0][1], 201, "Order rejected - reason:no trading permission")
    with pytest.raises(OrderExecutionError, match="no trading permission"):
        await placing
    (listed,) = await client.get_open_orders(ACCOUNT)
    assert listed.client_order_id == "rests"
    await client.cancel_order(listed.order_id)
    await until_gone(client)
    assert len(placed(world)) == 1


async def test_a_refusal_that_comes_between_the_lines_of_a_list_is_the_end(world: World) -> None:
    client = await world.client()
    lines: list[Fields] = []
    world.tap.on_reply(_OPEN_ORDER, lines.append)
    await resting(client)
    number = str(int(lines[0][1]) + 1)
    changes = {lines[0][1]: number, "rests": "refused", "Submitted": "Inactive"}

    def refuse(_: Fields) -> None:
        world.tap.say(*(changes.get(field, field) for field in lines[0]))

    world.tap.on_request(_PLACE, lambda _: error(world, number, 201), swallow=True)
    with pytest.raises(OrderExecutionError):
        await client.place_order(ACCOUNT, "AAA", 1, client_order_id="refused")
    world.tap.on_reply(_OPEN_END, refuse)
    (listed,) = await client.get_open_orders(ACCOUNT)
    assert listed.client_order_id == "rests"
    assert await client.get_order_status(number) is OrderStatus.REJECTED


async def test_an_inactive_order_of_a_person_is_open_too(world: World) -> None:
    by_hand = OrderRequest(
        account_id=ACCOUNT,
        con_id=1,
        side=Side.BUY,
        quantity=Decimal(1),
        order_type=OrderType.LMT,
        limit_price=Decimal(90),
    )
    world.exchange.set_active(world.exchange.submit(by_hand).order_id, False)
    client = await world.client()
    (listed,) = await client.get_open_orders(ACCOUNT)
    assert (listed.own, listed.symbol) == (False, "AAA")
