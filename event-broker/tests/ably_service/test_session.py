"""How the life of one client ends."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from contextlib import suppress
from typing import Any

from ably_standin import DEFAULT_KEY, AblyStandin
from app.ably_service import Patience
from app.ably_service.attachment import Attachment
from app.ably_service.clients import Sockets, realtime_client
from app.ably_service.options import Access
from app.ably_service.server_time import ServerTime
from app.ably_service.session import Session


async def test_one_that_is_cancelled_while_it_is_stopped_leaves_no_error_to_tell() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    # Nobody listens there.
    access = Access(key="standin.key:secret", endpoint="127.0.0.1:9", tls=False)
    session = Session(access, Patience(), ServerTime(), lambda *_: None, str, lambda _: None)
    session.stop()
    # Python tells of an exception that nobody asked for when its last owner lets go of it.
    del session
    gc.collect()
    assert told == []


class Asking:
    """In place of a feed: asks the server for its time, and so has a connection for REST."""

    channel = "orders"

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def run(self, sources: Any) -> None:
        await sources.server_now()
        self.asked.set()

    def attached(self, *, resumed: bool) -> None: ...

    def detached(self, reason: str | None = None) -> None:
        self.left.set()

    def received(self, message: Any) -> None: ...


def access_to(ably: AblyStandin) -> Access:
    host, _, port = ably.endpoint.partition(":")
    return Access(
        key=DEFAULT_KEY, endpoint=ably.endpoint, rest_endpoint=host, rest_port=int(port), tls=False
    )


def sockets_to(ably: AblyStandin) -> int:
    """How many are open."""
    port = int(ably.endpoint.rpartition(":")[2])
    count = 0
    for thing in gc.get_objects():
        if isinstance(thing, socket.socket) and thing.family == socket.AF_INET:
            with suppress(OSError):  # closed, or not connected
                count += thing.getpeername()[1] == port
    return count


async def test_one_that_is_cancelled_while_it_closes_leaves_no_socket_open(
    ably: AblyStandin,
) -> None:
    for _ in range(3):
        feed: Any = Asking()
        session = Session(
            access_to(ably), Patience(), ServerTime(), lambda *_: None, str, lambda _: None
        )
        running = asyncio.create_task(session.run([feed]))
        await asyncio.wait_for(feed.asked.wait(), 10)
        session.stop()
        feed.left.clear()
        await asyncio.wait_for(feed.left.wait(), 10)  # next, the clients are closed
        running.cancel()
        await asyncio.wait({running}, timeout=10)
        assert running.cancelled()
    for _ in range(3):  # a transport that is closed lets go of its socket a turn later
        await asyncio.sleep(0)
    assert sockets_to(ably) == 0


async def test_a_client_that_was_given_up_while_it_connects_never_connects_again(
    ably: AblyStandin,
) -> None:
    hurry = {"realtime_request_timeout": 50, "disconnected_retry_timeout": 10}
    client = realtime_client(access_to(ably), hurry)
    sockets = Sockets(client)
    states: asyncio.Queue[str] = asyncio.Queue()
    client.connection.on(lambda change: states.put_nowait(str(change.current.value)))
    await asyncio.sleep(0)
    sockets.abort()
    seen = [await asyncio.wait_for(states.get(), 10) for _ in range(6)]
    await client.close()
    assert set(seen) == {"connecting", "disconnected"}
    assert sockets_to(ably) == 0


async def test_a_channel_that_is_left_before_it_is_joined_is_never_asked_for(
    ably: AblyStandin,
) -> None:
    client = realtime_client(access_to(ably), {})
    feed: Any = Asking()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        attachment = Attachment(client, feed, Patience(), lambda *_: None, str)
        attachment.start()
        attachment.end()
        await asyncio.sleep(0)
        del attachment
        gc.collect()
    await client.close()
    assert [str(warning.message) for warning in told] == []
