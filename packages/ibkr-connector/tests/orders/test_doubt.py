"""Orders whose answer did not come, and keys that are asked for again."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base import OrderOutcomeUnknown, OrderStatus
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, OTHER_ACCOUNT, World
from simulated_exchange import FillPolicy

from .conftest import error, placed, status

_PLACE = 3
_ORDER_STATUS, _OPEN_ORDER = 3, 5


async def test_an_order_that_is_swallowed_has_an_unknown_outcome(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
    world.tap.swallow_requests(_PLACE)
    with pytest.raises(OrderOutcomeUnknown, match="not acknowledged") as unknown:
        await client.place_order(ACCOUNT, "AAA", 1, client_order_id="lost")
    assert unknown.value.client_order_id == "lost"
    assert await client.find_order(ACCOUNT, "lost") is None


async def test_pending_submit_alone_is_no_acknowledgement(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
    world.tap.on_request(
        _PLACE, lambda fields: status(world, fields[1], "PendingSubmit"), swallow=True
    )
    for _ in range(2):
        with pytest.raises(OrderOutcomeUnknown, match="acknowledged by IB and not yet working"):
            await client.place_order(ACCOUNT, "AAA", 1, client_order_id="limbo")
    assert len(placed(world)) == 1


async def test_an_unlisted_code_leaves_a_new_order_in_doubt(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
    world.tap.on_request(_PLACE, lambda fields: error(world, fields[1], 77777), swallow=True)
    with pytest.raises(OrderOutcomeUnknown, match="77777"):
        await client.place_order(ACCOUNT, "AAA", 1, client_order_id="odd")


async def test_a_late_acknowledgement_still_counts(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
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
