"""Every frame is recorded, and a recording can be played to the same client again."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB, MarketOrder, Stock

from ibkr_simulator.frames import CLIENT_PREFIX, encode_frame
from ibkr_simulator.relay import Relay
from ibkr_simulator.replay import ReplayServer
from ibkr_simulator.transcript import BadTranscript, Recorder, read_transcript

PATIENCE = 5.0


async def trade(port: int, spy: Stock) -> tuple[Any, ...]:
    """A day's work of one client, and what it saw of it."""
    ib = IB()
    ib.client.MaxRequests = 0
    await ib.connectAsync("127.0.0.1", port, clientId=1, account="DU1", timeout=PATIENCE)
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await ib.reqCurrentTimeAsync()
    await ib.reqCurrentTimeAsync()
    seen = trade.orderStatus.status, trade.fills, ib.positions(), ib.accountValues()
    ib.disconnect()
    return seen


async def test_a_recording_plays_a_client_the_same_day_again(
    world: Any, spy: Stock, tmp_path: Path
) -> None:
    file = tmp_path / "day.jsonl"
    with file.open("w") as lines:
        await world.gateway(recorder=Recorder(lines))
        seen = await trade(world.gateways[0].port, spy)
    assert seen[0] == "Filled"
    async with ReplayServer(read_transcript(file)) as server:
        again = await trade(server.port, spy)
        assert not server.unexpected
        assert server.entries_left == 0
    assert again[0] == seen[0]
    assert [fill.execution for fill in again[1]] == [fill.execution for fill in seen[1]]
    assert again[2:] == seen[2:]


async def test_what_a_gateway_says_is_recorded_on_the_way_through(
    world: Any, spy: Stock, tmp_path: Path
) -> None:
    gateway, file = await world.gateway(), tmp_path / "day.jsonl"
    with file.open("w") as lines:
        async with Relay(("127.0.0.1", gateway.port), Recorder(lines)) as relay:
            seen = await trade(relay.port, spy)
    assert seen[0] == "Filled"
    async with ReplayServer(read_transcript(file)) as server:
        again = await trade(server.port, spy)
        assert not server.unexpected
        assert server.entries_left == 0
    assert [fill.execution for fill in again[1]] == [fill.execution for fill in seen[1]]
    assert again[2:] == seen[2:]


async def test_a_relay_passes_on_what_it_cannot_read(world: Any) -> None:
    gateway, lines = await world.gateway(), io.StringIO()
    async with Relay(("127.0.0.1", gateway.port), Recorder(lines)) as relay:
        world.gateways[-1] = relay
        wire = await world.wire()
        wire.write(b"GET / HTTP/1.1\r\n")
        # The gateway ends the connection, and so does the relay.
        assert await wire.at_end()
        await world.wire(1)
        world.gateways[-1] = gateway
        await gateway.stop()
        world.gateways[-1] = relay
        late = await world.wire()
        assert await late.at_end()
        world.gateways[-1] = gateway
    entries = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert {entry["connection"] for entry in entries} == {2}
    assert entries[0]["name"] == entries[1]["name"] == "hello"


async def test_a_line_has_the_time_the_direction_the_name_and_the_fields(world: Any) -> None:
    lines = io.StringIO()
    gateway = await world.gateway(recorder=Recorder(lines))
    wire = await world.wire(1)
    gateway.faults.add({"action": "corrupt", "message": "nextValidId", "nth": 2})
    gateway.faults.add({"action": "merge", "message": "nextValidId"})
    wire.send("reqIds")
    wire.send("reqIds")
    wire.write(encode_frame(b"999\0"))
    await wire.payload()
    await wire.payload()
    world.expects_unknown = True
    entries = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [entry["name"] for entry in entries[:5]] == [
        "hello",
        "hello",
        "startApi",
        "managedAccounts",
        "nextValidId",
    ]
    assert entries[0]["bytes"] == b"v157..178".hex()
    assert entries[2] == {
        "at": "2026-11-20T17:00:00+00:00",
        "connection": 1,
        "direction": "request",
        "name": "startApi",
        "fields": ["71", "2", "1", ""],
    }
    assert sum(entry["name"] == "reqIds" for entry in entries) == 2
    assert "" in [entry["name"] for entry in entries]


async def test_what_the_recording_does_not_have_is_counted_and_not_answered(
    world: Any, tmp_path: Path
) -> None:
    file = tmp_path / "day.jsonl"
    with file.open("w") as lines:
        await world.gateway(recorder=Recorder(lines))
        await world.wire(1)
    async with ReplayServer(read_transcript(file)) as server:
        world.gateways[-1] = server
        wire = await world.wire(1)
        wire.send("reqIds")
        late = await world.wire()
        assert await late.at_end()
        assert server.unexpected == {"reqIds": 1}
        wire.write(b"\xff\xff\xff\xff")
        assert await wire.at_end()
        world.gateways.clear()


async def test_another_protocol_is_shown_the_door(world: Any, tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    with file.open("w") as lines:
        await world.gateway(recorder=Recorder(lines))
        await world.wire(1)
    async with ReplayServer(read_transcript(file)) as server:
        world.gateways[-1] = server
        wire = await world.wire()
        wire.write(b"GET / HTTP/1.1\r\n" + CLIENT_PREFIX)
        assert await wire.at_end()
        world.gateways.clear()


@pytest.mark.parametrize("line", ["x", "[]", "{}", '{"at": "then"}'])
def test_a_file_that_is_no_transcript_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "day.jsonl"
    file.write_text(line)
    with pytest.raises(BadTranscript, match=r"day\.jsonl, line 1"):
        read_transcript(file)
