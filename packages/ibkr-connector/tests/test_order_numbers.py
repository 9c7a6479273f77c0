"""A number is given to one order only, whatever the gateway says is the next."""

from __future__ import annotations

from decimal import Decimal

import pytest

from broker_connector_base import BrokerConnectionError, OrderOutcomeUnknown
from ibkr_connector import IBKRClient
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, World

_PLACE, _NEXT_VALID_ID, _OPEN_ORDER, _EXECUTION = 3, 9, 5, 11
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
    client = await world.client(acknowledgement_timeout_seconds=0.05)
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
    client = await world.client(acknowledgement_timeout_seconds=0.05)
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
