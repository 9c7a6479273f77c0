"""Logging in, being refused, and losing the gateway."""

from __future__ import annotations

import asyncio
import socket
import struct
from decimal import Decimal

import pytest
from ib_async import Client

from broker_connector_base import BrokerAPIError, BrokerConnectionError, ClientIdInUse
from ibkr_connector import IBKRClient
from ibkr_connector.login import close
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, World, open_world

_START = 71


async def test_a_client_id_in_use_fails_at_once(world: World) -> None:
    await world.client(7)
    second = world.stranger(7, connection_timeout_seconds=10)
    async with asyncio.timeout(2):
        with pytest.raises(ClientIdInUse, match="Client id 7 is already in use"):
            await second.connect()


async def test_a_gateway_that_hangs_up_without_a_word_fails_at_once(world: World) -> None:
    world.tap.on_request(_START, lambda _: world.tap.drop())
    stranger = world.stranger(connection_timeout_seconds=10)
    async with asyncio.timeout(2):
        with pytest.raises(BrokerConnectionError, match="ended the login"):
            await stranger.connect()
    await stranger.connect()
    assert stranger.is_connected()


async def test_connecting_twice_at_a_time_is_one_login(world: World) -> None:
    client = world.stranger(7)
    await asyncio.gather(client.connect(), client.connect())
    assert world.tap.numbers().count(_START) == 1


async def test_a_gateway_that_hangs_up_right_after_the_login_is_no_session(world: World) -> None:
    def complete_the_login_and_hang_up(fields: Fields) -> None:
        world.tap.say(*fields)
        world.tap.hang_up()

    world.tap.on_reply(9, complete_the_login_and_hang_up)
    stranger = world.stranger()
    with pytest.raises(BrokerConnectionError):
        await stranger.connect()
    assert not stranger.is_connected()


async def test_nobody_listening_fails_at_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    client = IBKRClient(7, port=port)
    with pytest.raises(BrokerConnectionError, match="No gateway listens") as failure:
        await client.connect()
    assert not isinstance(failure.value, ClientIdInUse)
    assert not client.is_connected()


async def test_a_login_that_is_never_answered_ends_at_the_deadline(world: World) -> None:
    world.tap.swallow_replies(9, times=None)
    stranger = world.stranger(connection_timeout_seconds=0.05)
    with pytest.raises(BrokerConnectionError, match="did not log client 7 in"):
        await stranger.connect()


async def test_a_login_that_is_given_up_leaves_no_session(world: World) -> None:
    world.tap.swallow_replies(9)
    stranger = world.stranger()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await stranger.connect()
    assert not stranger.is_connected()
    await stranger.connect()
    assert world.gateway.sessions.keys() == {7}


async def test_a_gateway_that_does_not_list_its_orders_is_no_session(world: World) -> None:
    world.tap.swallow_requests(16)
    stranger = world.stranger(request_timeout_seconds=0.5)
    with pytest.raises(BrokerConnectionError, match="open orders"):
        await stranger.connect()
    assert not stranger.is_connected()


async def test_two_questions_of_one_kind_both_get_answers(world: World) -> None:
    client = await world.client()
    await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    first, second = await asyncio.gather(
        client.get_open_orders(ACCOUNT), client.get_open_orders(ACCOUNT)
    )
    assert first == second
    assert len(first) == 1


async def test_a_list_that_never_comes_ends_the_session(world: World) -> None:
    client = await world.client(request_timeout_seconds=0.5)
    world.tap.swallow_replies(53)
    async with client.order_events(ACCOUNT) as events:
        with pytest.raises(BrokerConnectionError, match="did not answer"):
            await client.get_open_orders(ACCOUNT)
        with pytest.raises(BrokerConnectionError, match="is dead"):
            await anext(events)
    assert not client.is_connected()


async def test_a_question_given_up_does_not_answer_the_next_one(world: World) -> None:
    client = await world.client()
    await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    held: list[Fields] = []
    for reply in (5, 3, 53):
        world.tap.on_reply(reply, held.append, swallow=True)
    impatient = asyncio.create_task(client.get_open_orders(ACCOUNT))
    patient = asyncio.create_task(client.get_open_orders(ACCOUNT))
    while len(held) < 3:
        await world.tap.passed()
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    assert not patient.done()
    for fields in held:
        world.tap.say(*fields)
    assert len(await patient) == 1
    assert world.tap.numbers().count(16) == 3  # at login, and one for each question


async def test_every_question_ends_when_the_session_does(world: World) -> None:
    client = await world.client()
    world.tap.swallow_requests(49)
    question = asyncio.create_task(client.server_time())
    world.tap.on_request(16, lambda _: world.tap.drop())
    with pytest.raises(BrokerConnectionError):
        await client.get_open_orders(ACCOUNT)
    with pytest.raises(BrokerConnectionError):
        await question


async def test_a_question_that_ib_cannot_validate_ends_with_its_code(world: World) -> None:
    client = await world.client()
    world.tap.on_request(
        9, lambda fields: world.tap.say(4, 2, fields[2], 321, "Error validating", ""), swallow=True
    )
    with pytest.raises(BrokerAPIError) as refusal:
        await client.get_instruments(["AAA"])
    assert refusal.value.code == "321"


async def test_the_clock_and_version_of_the_gateway_are_told(world: World) -> None:
    client = await world.client()
    skew = abs((await client.server_time()) - world.exchange.clock.now())
    assert skew.total_seconds() < 2
    assert client.server_version() == 178


@pytest.mark.parametrize("version", [157, 163, 164, 166, 169, 170, 176, 177])
async def test_older_gateways_are_spoken_to_in_their_version(version: int) -> None:
    async with open_world(server_max=version) as world:
        client = await world.client()
        assert client.server_version() == version
        snapshot = await client.get_account_snapshot(ACCOUNT)
        result = await client.place_order(ACCOUNT, "BBB", 2, client_order_id="old")
        found = await client.find_order(ACCOUNT, "old")
    assert snapshot.total_value > 0
    assert found is not None
    assert found.filled_quantity == result.quantity == 2


async def test_a_harmless_question_shows_whether_orders_are_allowed(world: World) -> None:
    client = await world.client()
    assert await client.probe_orders_allowed(ACCOUNT, "AAA") is True
    assert world.exchange.open_orders() == world.exchange.completed_orders() == []
    async with open_world(read_only=True) as locked:
        client = await locked.client()
        assert await client.probe_orders_allowed(ACCOUNT, "AAA") is False


async def test_a_connection_that_was_reset_a_moment_ago_is_closed_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(None)
        await client.conn.connectAsync(*listener.getsockname())
        other_side, _ = listener.accept()
        # RST instead of FIN; the event loop has no time to hear of it before the next line.
        other_side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other_side.close()
        await close(client)
    assert not client.conn.isConnected()
