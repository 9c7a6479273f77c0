"""Connections that ask nothing: they end, and keep nobody from an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from app.api import ApiServer, create_api, serve_api
from app.events import Command, EventSource, NewEvent

if TYPE_CHECKING:
    from .conftest import Service


def asking_for(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode()


LIVE = asking_for("/live")
UNFINISHED = {
    "nothing": b"",
    "half a head": b"GET /live HTTP/1.1\r\nHost:",
    "a head without its body": b"POST /x HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n",
    "a request and half of another": LIVE + b"GET /li",
}


@asynccontextmanager
async def connected(
    server: ApiServer,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server closes the connection."""
    heard = b""
    async with asyncio.timeout(20):
        try:
            while part := await reader.read(1000):
                heard += part
        except ConnectionResetError:
            pass
    return heard


@pytest.mark.parametrize("said", UNFINISHED.values(), ids=UNFINISHED.keys())
async def test_a_connection_without_a_whole_request_is_closed(
    service: Service, said: bytes
) -> None:
    api = create_api(service)
    async with (
        serve_api(api, "127.0.0.1", 0, request_seconds=0.2) as server,
        connected(server) as (reader, writer),
    ):
        writer.write(said)
        heard = await to_the_end(reader)
    assert heard.count(b"200 OK") == said.count(LIVE)


async def test_those_who_ask_are_answered_however_many_are_silent(service: Service) -> None:
    api = create_api(service)
    async with (
        serve_api(api, "127.0.0.1", 0, max_connections=3, request_seconds=600) as server,
        AsyncExitStack() as silent,
    ):
        readers = [(await silent.enter_async_context(connected(server)))[0] for _ in range(10)]
        async with connected(server) as (reader, writer):
            writer.write(LIVE)
            async with asyncio.timeout(20):
                assert b"200 OK" in await reader.readline()
        # Three are left with the one that asked; the first have made room.
        assert [await to_the_end(reader) for reader in readers[:8]] == [b""] * 8


@asynccontextmanager
async def following(server: ApiServer, event_id: str) -> AsyncIterator[bytes]:
    """A stream of progress that has begun, with its first line; or the head that refuses it."""
    async with connected(server) as (reader, writer), asyncio.timeout(60):
        writer.write(asking_for(f"/queue/events/{event_id}/progress"))
        head = await reader.readuntil(b"\r\n\r\n")
        # The body of a refusal is no line, and its connection stays open for a while.
        yield head + (await reader.readline() if b" 200 OK" in head else b"")


async def is_alive(server: ApiServer) -> bool:
    async with connected(server) as (reader, writer):
        writer.write(LIVE)
        async with asyncio.timeout(20):
            return b"200 OK" in await reader.readline()


def waiting_event(service: Service) -> str:
    new = NewEvent(account_id="DU100", command=Command.PRINT_REBALANCE, source=EventSource.API)
    return service.store.events.enqueue(new).event_id


async def test_streams_leave_room_for_others_and_more_are_told_to_come_again(
    service: Service,
) -> None:
    event_id, api = waiting_event(service), create_api(service, max_streams=2)
    async with serve_api(api, "127.0.0.1", 0, max_connections=4) as server:
        async with following(server, event_id) as one, following(server, event_id) as two:
            assert b"200 OK" in one
            assert b"200 OK" in two
            async with following(server, event_id) as three:
                assert b"503" in three
                assert b"retry-after: 1" in three.lower()
            assert await is_alive(server)
        # Those that have left make room; the server hears of it a moment later.
        async with asyncio.timeout(60):
            while True:
                async with following(server, event_id) as again:
                    if b"200 OK" in again:
                        break


async def test_a_probe_is_answered_although_every_place_has_an_answer_that_does_not_end(
    service: Service,
) -> None:
    event_id, api = waiting_event(service), create_api(service, max_streams=100)
    async with (
        serve_api(api, "127.0.0.1", 0, max_connections=4) as server,
        AsyncExitStack() as streams,
    ):
        for _ in range(4):
            assert b"200 OK" in await streams.enter_async_context(following(server, event_id))
        assert await is_alive(server)


async def test_a_stream_that_nobody_reads_does_not_keep_its_place_for_ever(
    service: Service,
) -> None:
    event_id, api = waiting_event(service), create_api(service, max_streams=1)
    async with serve_api(api, "127.0.0.1", 0, answer_seconds=2) as server:
        for _ in range(2):
            async with connected(server) as (reader, writer):
                writer.write(asking_for(f"/queue/events/{event_id}/progress"))
                assert b"200 OK" in await to_the_end(reader)


async def test_what_is_being_carried_out_is_answered_and_a_stream_makes_room(
    service: Service,
) -> None:
    event_id, api = waiting_event(service), create_api(service)
    service.tells = asyncio.Event()
    async with (
        serve_api(api, "127.0.0.1", 0, max_connections=2) as server,
        connected(server) as (reader, writer),
    ):
        writer.write(asking_for("/health"))
        await service.asked.wait()
        # Began later, and leaves sooner.
        async with connected(server) as (heard, following):
            following.write(asking_for(f"/queue/events/{event_id}/progress"))
            await heard.readuntil(b"\r\n\r\n")
            assert await is_alive(server)
            await to_the_end(heard)
        service.tells.set()
        async with asyncio.timeout(20):
            assert b"200 OK" in await reader.readline()
