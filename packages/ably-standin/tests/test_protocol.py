"""Details of the protocol that the SDK does not look at, seen from a bare WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgpack
import pytest

from ably_standin import AblyStandin, Limits, message

CONNECT = {"key": "standin.key:secret", "v": "5"}


@asynccontextmanager
async def websocket(ably: AblyStandin, **query: str) -> AsyncIterator[Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://{ably.endpoint}/", params=CONNECT | query) as socket,
    ):
        yield socket


async def test_connected_says_how_to_come_back_and_for_how_long(ably: AblyStandin) -> None:
    async with websocket(ably, clientId="worker") as socket:
        connected = await socket.receive_json()
    details = connected["connectionDetails"]
    assert connected["action"] == 4
    assert (details["connectionStateTtl"], details["maxIdleInterval"]) == (120_000, 15_000)
    assert details["clientId"] == "worker"
    assert details["connectionKey"].startswith(connected["connectionId"] + "!")


async def test_a_malformed_resume_key_and_an_expired_one_are_told_apart(
    ably: AblyStandin,
) -> None:
    async with websocket(ably) as socket:
        key = (await socket.receive_json())["connectionDetails"]["connectionKey"]
    async with websocket(ably, resume="nonsense") as socket:
        assert (await socket.receive_json())["error"]["code"] == 80018
    ably.advance(121)
    async with websocket(ably, resume=key) as socket:
        assert (await socket.receive_json())["error"]["code"] == 80008


async def test_an_echo_carries_the_id_of_the_ping(ably: AblyStandin) -> None:
    async with websocket(ably) as socket:
        await socket.receive_json()
        await socket.send_json({"action": 0, "id": "abc"})
        assert await socket.receive_json() == {"action": 0, "id": "abc"}


async def test_heartbeats_come_before_the_client_may_give_up() -> None:
    async with (
        AblyStandin(limits=Limits(max_idle_interval=50)) as ably,
        websocket(ably) as socket,
    ):
        await socket.receive_json()
        assert await asyncio.wait_for(socket.receive_json(), 5) == {"action": 0}


async def test_attached_echoes_name_and_params_and_has_backlog_with_rewind(
    ably: AblyStandin,
) -> None:
    ably.publish("alpha", message("kept"))
    async with websocket(ably, format="msgpack") as socket:
        await socket.receive()
        attach = {"action": 10, "channel": "[?rewind=1]alpha", "params": None}
        await socket.send_bytes(msgpack.packb(attach))
        attached = msgpack.unpackb((await socket.receive()).data)
        replayed = msgpack.unpackb((await socket.receive()).data)
    assert (attached["action"], attached["channel"]) == (11, "[?rewind=1]alpha")
    assert attached["params"] == {"rewind": "1"}
    assert attached["flags"] & 2
    assert not attached["flags"] & 4
    assert replayed["channel"] == "[?rewind=1]alpha"
    assert replayed["channelSerial"] == attached["channelSerial"]


async def test_a_position_that_is_not_ours_attaches_at_the_head_with_an_error(
    ably: AblyStandin,
) -> None:
    async with websocket(ably) as socket:
        await socket.receive_json()
        await socket.send_json({"action": 10, "channel": "alpha", "channelSerial": "other"})
        attached = await socket.receive_json()
    assert attached["error"]["code"] == 90003
    assert not attached["flags"] & 4


async def test_bad_channels_and_bad_rewinds_fail_the_channel_alone(ably: AblyStandin) -> None:
    async with websocket(ably) as socket:
        await socket.receive_json()
        for channel, code in ((":alpha", 40010), ("", 40010), ("[?rewind=soon]alpha", 40000)):
            await socket.send_json({"action": 10, "channel": channel})
            error = await socket.receive_json()
            assert (error["action"], error["channel"]) == (9, channel)
            assert error["error"]["code"] == code


async def test_what_is_no_protocol_message_ends_the_connection(ably: AblyStandin) -> None:
    for nonsense in ("{", "[]", '{"action": 99}', '{"action": 4}'):
        async with websocket(ably) as socket:
            await socket.receive_json()
            await socket.send_str(nonsense)
            error = await socket.receive_json()
            assert (error["action"], error["error"]["code"]) == (9, 40000)
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_close_is_answered_and_the_connection_is_forgotten(ably: AblyStandin) -> None:
    async with websocket(ably) as socket:
        key = (await socket.receive_json())["connectionDetails"]["connectionKey"]
        await socket.send_json({"action": 7})
        assert (await socket.receive_json())["action"] == 8
    async with websocket(ably, resume=key) as socket:
        assert (await socket.receive_json())["error"]["code"] == 80008


async def test_a_new_token_is_confirmed_with_connected_and_a_bad_one_ends_it(
    ably: AblyStandin,
) -> None:
    async with websocket(ably) as socket:
        await socket.receive_json()
        await socket.send_json({"action": 17, "auth": {"accessToken": "unknown"}})
        error = await socket.receive_json()
        assert (error["action"], error["error"]["code"]) == (9, 40140)


async def test_waiting_for_what_does_not_come_says_what_came(ably: AblyStandin) -> None:
    async with websocket(ably) as socket:
        await socket.receive_json()
        with pytest.raises(TimeoutError, match="0 of 1 ATTACH came; all: CONNECT"):
            await ably.received.wait("ATTACH", patience=0.01)
    ably.clear_received()
    assert (list(ably.received), len(ably.received)) == ([], 0)
