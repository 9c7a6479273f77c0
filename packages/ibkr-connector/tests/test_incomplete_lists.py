"""The server's lists leave something out for a while: what exists is never taken for lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from broker_connector_base import OrderEvent, OrderOutcomeUnknown, OrderStatus, OrderUpdate
from broker_connector_base.testing import VirtualTimeLoop
from ibkr_connector import IBKRClient
from ibkr_connector.testing.world import ACCOUNT, World, open_world
from simulated_exchange import FillPolicy

_PLACE, _ALL_OPEN = 3, 16
_ORDER_STATUS, _ERROR, _OPEN_ORDER, _EXECUTION, _OPEN_END = 3, 4, 5, 11, 53
_COMPLETED, _COMPLETED_END = 101, 102


class Curtain:
    """Hides the chosen replies of the gateway while it is drawn."""

    def __init__(self, world: World, *replies: int) -> None:
        self.drawn = True
        for reply in replies:
            world.tap.on_reply(reply, lambda _: self.drawn, times=None)


def hide_open_orders(world: World) -> Curtain:
    return Curtain(world, _ORDER_STATUS, _OPEN_ORDER)


async def regain_link(world: World, client: IBKRClient, list_end: int) -> None:
    """The gateway finds IB again; returns when the client has read the list that it asks for."""
    read = asyncio.Event()
    world.tap.on_reply(list_end, lambda _: read.set())
    world.tap.say(_ERROR, 2, -1, 1100, "lost", "")
    world.tap.say(_ERROR, 2, -1, 1102, "restored", "")
    async with asyncio.timeout(2):
        await read.wait()
    await client.server_time()


async def next_status(events: AsyncIterator[OrderEvent], wanted: OrderStatus) -> OrderUpdate:
    async for event in events:
        if isinstance(event, OrderUpdate) and event.status is wanted:
            return event
    raise AssertionError(f"no {wanted}")


async def test_a_working_order_stays_one_when_a_list_leaves_it_out(world: World) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="k")
    curtain = hide_open_orders(world)
    await regain_link(world, client, _COMPLETED_END)
    assert await client.get_order_status(order.order_id) is OrderStatus.WORKING
    found = await client.find_order(ACCOUNT, "k")
    assert found is not None
    assert found.status is OrderStatus.UNKNOWN
    assert (found.order_id, found.permanent_id) == (order.order_id, order.permanent_id)
    curtain.drawn = False
    found = await client.find_order(ACCOUNT, "k")
    assert found is not None
    assert found.status is OrderStatus.WORKING


async def test_an_order_that_ended_unheard_is_told_with_its_shares(world: World) -> None:
    world.exchange.set_fill_policy("AAA", FillPolicy.never())
    client = await world.client()
    async with client.order_events(ACCOUNT) as events:
        await client.place_order(ACCOUNT, "AAA", 3)
        Curtain(world, _ORDER_STATUS, _OPEN_ORDER, _EXECUTION)
        world.exchange.set_fill_policy("AAA", None)
        await regain_link(world, client, _COMPLETED_END)
        async with asyncio.timeout(2):
            update = await next_status(events, OrderStatus.FILLED)
    assert (update.filled_quantity, update.remaining_quantity) == (Decimal(3), Decimal(0))


async def test_an_order_left_out_twice_is_unknown_until_it_is_listed(world: World) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="k")
    curtain = hide_open_orders(world)
    async with client.order_events(ACCOUNT) as events:
        for _ in range(2):
            await regain_link(world, client, _COMPLETED_END)
        async with asyncio.timeout(2):
            await next_status(events, OrderStatus.UNKNOWN)
        with pytest.raises(OrderOutcomeUnknown, match="is on no list"):
            await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="k")
        curtain.drawn = False
        await regain_link(world, client, _OPEN_END)
        async with asyncio.timeout(2):
            await next_status(events, OrderStatus.WORKING)
    assert await client.get_order_status(order.order_id) is OrderStatus.WORKING
    assert world.tap.numbers().count(_PLACE) == 1


async def test_an_order_that_was_never_acknowledged_and_is_on_no_list_was_never_there(
    world: World,
) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
    world.tap.swallow_requests(_PLACE)
    with pytest.raises(OrderOutcomeUnknown):
        await client.place_order(ACCOUNT, "AAA", 1, client_order_id="lost")
    await regain_link(world, client, _COMPLETED_END)
    assert await client.find_order(ACCOUNT, "lost") is None


async def partly_filled(world: World) -> None:
    """Client 8 has bought 2 of 5 BBB and waits for the rest."""
    world.exchange.set_fill_policy("BBB", FillPolicy.partial(2, stall=True))
    placer = await world.client(8)
    await placer.place_order(ACCOUNT, "BBB", 5, client_order_id="part")
    await placer.server_time()


async def test_fills_alone_do_not_make_an_order_filled(world: World) -> None:
    await partly_filled(world)
    seeker = await world.client(9)
    hidden = hide_open_orders(world)
    # This client has seen the order at work, when it logged in.
    found = await seeker.find_order(ACCOUNT, "part")
    assert found is not None
    assert (found.status, found.quantity) == (OrderStatus.UNKNOWN, Decimal(5))
    assert found.filled_quantity == 2
    # This one never has.
    stranger = await world.client(10)
    found = await stranger.find_order(ACCOUNT, "part")
    assert found is not None
    assert (found.status, found.filled_quantity) == (OrderStatus.UNKNOWN, Decimal(2))
    hidden.drawn = False


async def test_an_order_that_only_the_first_list_leaves_out_is_found_in_the_second(
    world: World,
) -> None:
    await partly_filled(world)
    curtain = hide_open_orders(world)
    seeker = await world.client(9)

    def lift(_: object) -> None:
        curtain.drawn = False

    world.tap.on_reply(_OPEN_END, lift)
    found = await seeker.find_order(ACCOUNT, "part")
    assert found is not None
    assert (found.status, found.quantity) == (OrderStatus.WORKING, Decimal(5))
    assert found.filled_quantity == 2


async def test_fills_that_add_up_to_the_order_that_was_seen_make_it_filled(world: World) -> None:
    await partly_filled(world)
    seeker = await world.client(9)
    Curtain(world, _COMPLETED)
    world.exchange.set_fill_policy("BBB", None)
    found = await seeker.find_order(ACCOUNT, "part")
    assert found is not None
    assert (found.status, found.filled_quantity) == (OrderStatus.FILLED, Decimal(5))


def test_an_order_on_no_list_is_asked_for_again_until_it_is_listed() -> None:
    async def ask_again() -> None:
        async with open_world() as world:
            client = await world.client()
            order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
            curtain = hide_open_orders(world)
            async with client.order_events(ACCOUNT) as events:
                await regain_link(world, client, _COMPLETED_END)
                async with asyncio.timeout(10):
                    await next_status(events, OrderStatus.UNKNOWN)
                curtain.drawn = False
                async with asyncio.timeout(20):
                    await next_status(events, OrderStatus.WORKING)
            asked = world.tap.numbers().count(_ALL_OPEN)
            await asyncio.sleep(600)
            assert world.tap.numbers().count(_ALL_OPEN) == asked
            assert await client.get_order_status(order.order_id) is OrderStatus.WORKING

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(ask_again())
