"""Hello, log-in, and what happens to connections that break the rules."""

import asyncio
import struct
from typing import Any

import pytest
from ib_async import IB, StartupFetchNONE

from ibkr_simulator.codec import Message
from ibkr_simulator.frames import CLIENT_PREFIX, encode_frame


async def test_the_answer_to_hello_is_the_version_and_a_time_with_its_zone(world: Any) -> None:
    await world.gateway()
    wire = await world.wire()
    assert await wire.hello() == ["178", "20261120 12:00:00 US/Eastern"]


@pytest.mark.parametrize(
    ("range_", "version"),
    [("v157..178", "178"), ("v100..157", "157"), ("v100..187 +PACEAPI", "178"), ("v176", "176")],
)
async def test_the_highest_version_that_both_sides_speak_is_used(
    world: Any, range_: str, version: str
) -> None:
    await world.gateway()
    wire = await world.wire()
    assert (await wire.hello(range_))[0] == version


async def test_a_welcome_names_accounts_the_next_id_and_the_farms_in_this_order(world: Any) -> None:
    await world.gateway(accounts=None)
    wire = await world.wire()
    await wire.hello()
    wire.send("startApi", clientId=3)
    messages = [await wire.receive() for _ in range(5)]
    assert [message.name for message in messages] == ["managedAccounts", "nextValidId"] + [
        "errMsg"
    ] * 3
    assert messages[0].fields["accounts"] == "DU1,DU2"
    assert messages[1].fields["id"] == 1
    assert [message.fields["code"] for message in messages[2:]] == [2104, 2106, 2158]


async def test_a_client_is_synchronised_after_connecting(world: Any) -> None:
    gateway = await world.gateway(accounts=None)
    ib = await world.client(7, account="DU1")
    assert ib.isConnected()
    assert ib.client.serverVersion() == 178
    assert ib.managedAccounts() == ["DU1", "DU2"]
    assert list(gateway.sessions) == [7]


async def test_two_clients_are_served_side_by_side(world: Any) -> None:
    gateway = await world.gateway()
    first, second = await world.client(1), await world.client(2)
    assert {*gateway.sessions} == {1, 2}
    assert first.positions() == second.positions() != []


async def test_a_client_id_in_use_is_refused_with_326_and_the_first_client_stays(
    world: Any,
) -> None:
    await world.gateway()
    first = await world.client(4)
    second = await world.wire()
    await second.hello()
    second.send("startApi", clientId=4)
    refusal = await second.receive()
    assert (refusal.fields["reqId"], refusal.fields["code"]) == (-1, 326)
    assert await second.at_end()
    await world.settle(first)


async def test_ib_async_reports_326_and_fails_to_connect(world: Any) -> None:
    await world.gateway()
    await world.client(4)
    intruder, codes = IB(), []
    intruder.errorEvent += lambda request, code, text, contract: codes.append(code)
    with pytest.raises(TimeoutError):
        await intruder.connectAsync("127.0.0.1", world.gateways[0].port, clientId=4, timeout=2)
    assert codes == [326]


async def test_a_client_id_is_free_again_after_its_client_has_left(world: Any) -> None:
    await world.gateway()
    first = await world.client(4, fetchFields=StartupFetchNONE)
    first.disconnect()
    again = await world.client(4, fetchFields=StartupFetchNONE)
    assert again.isConnected()


@pytest.mark.parametrize(
    "opening",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        CLIENT_PREFIX + encode_frame(b"hello"),
        CLIENT_PREFIX + struct.pack(">I", 0x7FFFFFFF),
        CLIENT_PREFIX + encode_frame(b"v180..200"),
        CLIENT_PREFIX + encode_frame(b"v100..156"),
    ],
    ids=["not an API client", "not a hello", "oversized frame", "too new", "too old"],
)
async def test_a_wrong_opening_closes_that_connection_only(world: Any, opening: bytes) -> None:
    await world.gateway()
    other = await world.client(1)
    wire = await world.wire()
    wire.write(opening)
    assert await wire.at_end()
    await world.settle(other)


@pytest.mark.parametrize(
    "garbage",
    [struct.pack(">I", 1 << 30), encode_frame(b"no NUL"), encode_frame(b"\xff\xfe\0")],
    ids=["oversized frame", "no NUL at the end", "not UTF-8"],
)
async def test_garbage_after_the_log_in_closes_that_session_only(
    world: Any, garbage: bytes
) -> None:
    gateway = await world.gateway()
    other = await world.client(1)
    wire = await world.wire(2)
    wire.write(garbage)
    assert await wire.at_end()
    await world.settle(other)
    assert list(gateway.sessions) == [1]


async def test_requests_before_start_api_close_the_connection(world: Any) -> None:
    await world.gateway()
    wire = await world.wire()
    await wire.hello()
    wire.send("reqPositions")
    assert await wire.at_end()


async def test_a_connection_that_ends_in_the_middle_of_a_frame_leaves_no_session(
    world: Any,
) -> None:
    gateway = await world.gateway()
    wire = await world.wire(2)
    wire.write(struct.pack(">I", 20) + b"61\0")
    wire.writer.write_eof()
    assert await wire.at_end()
    assert dict(gateway.sessions) == {}


async def test_frames_may_arrive_byte_by_byte(world: Any) -> None:
    await world.gateway()
    wire = await world.wire()
    for byte in CLIENT_PREFIX + encode_frame(b"v178"):
        wire.write(bytes([byte]))
        await wire.writer.drain()
        await asyncio.sleep(0)
    assert (await wire.payload()).startswith(b"178\0")


async def test_a_message_that_does_not_fit_its_table_is_answered_with_320(world: Any) -> None:
    await world.gateway()
    wire = await world.wire(2)
    wire.write(encode_frame(b"91\0not a number\0"))
    error = await wire.receive()
    assert (error.fields["code"], error.fields["reqId"]) == (320, -1)
    wire.write(encode_frame(b"62\0" + b"1\0" + b"77\0" + b"All\0" + b"x\0" + b"too much\0"))
    error = await wire.receive()
    assert (error.fields["code"], error.fields["reqId"]) == (320, 77)


async def test_unknown_messages_are_not_answered_but_counted(world: Any) -> None:
    world.expects_unknown = True
    gateway = await world.gateway()
    wire = await world.wire(2)
    wire.write(encode_frame(b"8888\0" + b"1\0"))
    wire.send("reqNewsProviders")
    wire.send("reqCurrentTime")
    assert await wire.receive() == Message("currentTime", {"version": 1, "time": 1795194000})
    assert gateway.unknown_messages == {"#8888": 1, "reqNewsProviders": 1}


async def test_a_client_that_does_not_read_is_disconnected_and_the_others_are_served(
    world: Any,
) -> None:
    gateway = await world.gateway(write_limit=100_000)
    other = await world.client(1)
    wire = await world.wire(2, receives=4096)
    wire.writer.transport.pause_reading()
    while 2 in gateway.sessions:
        for _ in range(20):
            wire.send("reqContractDetails", reqId=1, symbol="LONG", secType="STK")
        await other.reqCurrentTimeAsync()
    await world.settle(other)


async def test_a_gateway_that_stops_closes_its_clients(world: Any) -> None:
    gateway = await world.gateway()
    ib = await world.client(1)
    await asyncio.gather(asyncio.wait_for(ib.disconnectedEvent, 5), gateway.stop())
    assert not ib.isConnected()
    with pytest.raises(RuntimeError, match="does not listen"):
        _ = gateway.port


async def test_small_requests_about_the_login_are_answered(world: Any) -> None:
    await world.gateway(accounts=None)
    wire = await world.wire(2)
    wire.send("reqManagedAccts")
    wire.send("reqIds", numIds=5)
    wire.send("reqUserInfo", reqId=9)
    wire.send("reqFamilyCodes")
    wire.send("setServerLogLevel", level=3)
    wire.send("reqAutoOpenOrders", bind=True)
    names = [await wire.receive() for _ in range(4)]
    assert [message.name for message in names] == [
        "managedAccounts",
        "nextValidId",
        "userInfo",
        "familyCodes",
    ]
    assert [code["account"] for code in names[3].fields["codes"]] == ["DU1", "DU2"]
