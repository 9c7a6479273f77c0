"""A number is given to one order only, whatever the gateway says is the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from broker_connector_base import (
    BrokerConnectionError,
    Fill,
    OrderEvent,
    OrderOutcomeUnknown,
    OrderStatus,
)
from ibkr_connector import IBKRClient
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, World
from simulated_exchange import FillPolicy

_PLACE, _NEXT_VALID_ID, _EXECUTION = 3, 9, 11
# Positions in execDetails.
_EXECUTED_NUMBER, _EXEC_ID, _SHARES, _PERMANENT_ID, _REFERENCE = 2, 14, 19, 21, 26
_MORNING_FILL, _RESTING = Decimal(110), Decimal(90)


def placed(world: World) -> list[tuple[int, str]]:
    """Number and key of every order that was sent."""
    return [(int(f[1]), f[26]) for _, f in world.tap.sent if f[0] == str(_PLACE)]


def reset_order_ids(world: World) -> None:
    """The gateway says at each login that numbers start over."""

    def start_over(fields: Fields) -> bool:
        world.tap.say(_NEXT_VALID_ID, 1, 1)
        return True

    world.tap.on_reply(_NEXT_VALID_ID, start_over)


async def rest(client: IBKRClient, key: str) -> str:
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", _RESTING, client_order_id=key)
    return order.order_id


async def lose_session(world: World, client: IBKRClient) -> None:
    async with client.order_events(ACCOUNT) as events:
        world.tap.drop()
        with pytest.raises(BrokerConnectionError):
            await anext(events)


async def test_the_number_of_an_order_that_was_swallowed_is_not_given_again(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
    world.tap.swallow_requests(_PLACE)
    with pytest.raises(OrderOutcomeUnknown):
        await rest(client, "K1")
    await lose_session(world, client)
    await client.connect()
    for key in ("K2", "K3"):
        await rest(client, key)
    numbers = {key: number for number, key in placed(world)}
    assert len(set(numbers.values())) == 3
    assert numbers["K1"] < numbers["K2"] < numbers["K3"]
    with pytest.raises(OrderOutcomeUnknown):  # its key still stands for it and is not sent again
        await rest(client, "K1")
    assert [key for _, key in placed(world)] == ["K1", "K2", "K3"]
    assert [order.request.order_ref for order in world.exchange.open_orders()] == ["K2", "K3"]


@pytest.mark.parametrize("limit", [_MORNING_FILL, _RESTING])
async def test_the_numbers_of_earlier_sessions_are_not_given_again_after_a_reset(
    world: World, limit: Decimal
) -> None:
    first = await world.client()
    morning = await first.place_order(ACCOUNT, "AAA", 1, "LIMIT", limit, client_order_id="morning")
    await first.disconnect()
    reset_order_ids(world)
    heir = await world.client()
    assert int(await rest(heir, "today")) > int(morning.order_id)


async def test_questions_take_no_number_of_an_order_either(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
    world.tap.swallow_requests(_PLACE)
    with pytest.raises(OrderOutcomeUnknown):
        await rest(client, "K1")
    await lose_session(world, client)
    reset_order_ids(world)
    before = len(world.tap.sent)
    await client.connect()
    questions = [f for _, f in world.tap.sent[before:] if f[0] == "7"]  # for executions
    ((number, _),) = placed(world)
    assert [int(fields[2]) > number for fields in questions] == [True]


async def test_fills_of_the_mornings_order_do_not_fill_todays_of_the_same_number(
    world: World,
) -> None:
    client = await world.client()
    reports: list[Fields] = []
    world.tap.on_reply(_EXECUTION, reports.append)
    await client.place_order(ACCOUNT, "BBB", 1, client_order_id="other")
    world.exchange.set_fill_policy("AAA", FillPolicy.partial(1, stall=True))
    async with client.order_events(ACCOUNT) as events:
        today = await client.place_order(ACCOUNT, "AAA", 10, client_order_id="today")
        morning = list(reports[0])
        morning[_EXECUTED_NUMBER], morning[_EXEC_ID] = today.order_id, "0000e0d5.0badf00d.01.01"
        morning[_SHARES], morning[_PERMANENT_ID] = "10", "1600000001"
        morning[_REFERENCE] = "morning"
        world.tap.say(*morning)
        async with asyncio.timeout(2):
            fills = [event async for event in until_fill_of(events, "morning")]
    assert [fill.client_order_id for fill in fills] == ["today", "morning"]
    assert await client.get_order_status(today.order_id) is OrderStatus.WORKING
    found = await client.find_order(ACCOUNT, "today")
    assert found is not None
    assert (found.status, found.filled_quantity) == (OrderStatus.WORKING, Decimal(1))


async def until_fill_of(events: AsyncIterator[OrderEvent], key: str) -> AsyncIterator[Fill]:
    """The fills that are told, to the first of this order."""
    told: set[str] = set()
    async for event in events:
        if isinstance(event, Fill) and event.execution_id not in told:
            told.add(event.execution_id)
            yield event
            if event.client_order_id == key:
                return


async def test_an_order_whose_number_went_to_another_one_is_not_taken_for_it(world: World) -> None:
    client = await world.client(acknowledgement_timeout_seconds=0.5)
    world.tap.swallow_requests(_PLACE)
    with pytest.raises(OrderOutcomeUnknown):
        await rest(client, "K1")
    ((number, _),) = placed(world)
    await lose_session(world, client)
    # Another process of this client id is given the number, which the gateway never saw used.
    neighbour = await world.client()
    while int(await rest(neighbour, f"N{len(placed(world))}")) < number:
        pass
    taken_by = placed(world)[-1]
    assert taken_by[0] == number
    await neighbour.disconnect()
    await client.connect()
    assert await client.find_order(ACCOUNT, "K1") is None
    taken = await client.find_order(ACCOUNT, taken_by[1])
    assert taken is not None
    assert (taken.order_id, taken.status) == (str(number), OrderStatus.WORKING)
    with pytest.raises(OrderOutcomeUnknown):
        await rest(client, "K1")
