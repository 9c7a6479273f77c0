"""Faults of the network and of connections, as the real SDK meets them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from ably import AblyRealtime
from ably.util.exceptions import AblyException

from ably_standin import DEFAULT_KEY, AblyStandin, Limits, message


def states(client: Any) -> asyncio.Queue[str]:
    """The states of the connection from now on."""
    queue: asyncio.Queue[str] = asyncio.Queue()

    def note(change: Any) -> None:
        queue.put_nowait(str(change.current.value))

    client.connection.on(note)
    return queue


async def reach(queue: asyncio.Queue[str], state: str) -> None:
    async with asyncio.timeout(5):
        while await queue.get() != state:
            pass


async def connected(connect: Callable[..., Any], **options: Any) -> tuple[Any, asyncio.Queue[str]]:
    client = connect(**options)
    queue = states(client)
    await reach(queue, "connected")
    return client, queue


async def test_an_orderly_close_makes_the_client_reconnect(
    ably: AblyStandin, connect: Callable[..., Any]
) -> None:
    _, queue = await connected(connect)
    ably.close_sockets()
    await reach(queue, "disconnected")
    await reach(queue, "connected")


async def test_a_listener_that_stops_and_starts_keeps_its_port(
    ably: AblyStandin, connect: Callable[..., Any]
) -> None:
    _, queue = await connected(connect, realtime_request_timeout=300)
    port = ably.port
    ably.stop_listening()
    ably.abort_connections()
    await reach(queue, "disconnected")
    await reach(queue, "disconnected")
    await ably.start_listening()
    await reach(queue, "connected")
    assert ably.port == port


async def test_a_refused_upgrade_is_a_disconnection(
    ably: AblyStandin, connect: Callable[..., Any]
) -> None:
    ably.fail_upgrade(503)
    queue = states(connect())
    await reach(queue, "disconnected")
    ably.fail_upgrade(None)
    await reach(queue, "connected")


async def test_a_connection_that_is_never_confirmed_times_out(
    ably: AblyStandin, connect: Callable[..., Any]
) -> None:
    ably.mute(["connected"])
    queue = states(connect(realtime_request_timeout=200))
    await reach(queue, "disconnected")
    ably.mute()
    await reach(queue, "connected")


async def test_an_attachment_that_is_never_confirmed_times_out(
    ably: AblyStandin, connect: Callable[..., Any]
) -> None:
    ably.mute(["attached"])
    client = connect(realtime_request_timeout=200)
    with pytest.raises(AblyException) as caught:
        await client.channels.get("alpha").subscribe(lambda _: None)
    assert caught.value.code == 90007


async def test_a_black_hole_is_noticed_by_a_ping_alone_and_heals(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client, _ = await connected(connect, realtime_request_timeout=300)
    await client.channels.get("alpha").subscribe(inbox.put)
    ably.black_hole()
    with pytest.raises(AblyException) as caught:
        await client.connection.ping()
    assert caught.value.code == 50003
    assert client.connection.state == "connected"
    ably.publish("alpha", message("held"))
    ably.black_hole(active=False)
    assert (await inbox.next()).data == "held"


async def test_missing_heartbeats_end_a_connection() -> None:
    limits = Limits(max_idle_interval=100)
    async with AblyStandin(limits=limits) as ably:
        client = AblyRealtime(
            DEFAULT_KEY,
            endpoint=ably.endpoint,
            tls=False,
            realtime_request_timeout=1_000,
            disconnected_retry_timeout=100,
        )
        queue = states(client)
        await reach(queue, "connected")
        ably.mute(["heartbeat"])
        await reach(queue, "disconnected")
        ably.mute()
        await reach(queue, "connected")
        await client.close()


async def test_disconnected_with_an_error_makes_the_client_reconnect(
    ably: AblyStandin, connect: Callable[..., Any]
) -> None:
    _, queue = await connected(connect)
    ably.disconnect()
    await reach(queue, "disconnected")
    await reach(queue, "connected")


@pytest.mark.parametrize("error", [{"code": None}, {"code": 50003, "status": 503}])
async def test_disconnected_without_an_error_or_with_503_leaves_a_zombie(
    ably: AblyStandin, connect: Callable[..., Any], error: dict[str, int | None]
) -> None:
    """A defect of the SDK that its users must meet: it says connected, and a ping fails."""
    client, queue = await connected(connect, realtime_request_timeout=200)
    ably.disconnect(**error)  # type: ignore[arg-type]
    with pytest.raises(Exception):  # noqa: B017 the SDK's own are of several types
        await client.connection.ping()
    assert client.connection.state == "connected"
    assert queue.empty()


async def test_garbage_between_frames_is_survived(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client, _ = await connected(connect)
    await client.channels.get("alpha").subscribe(inbox.put)
    ably.send_raw("{not json")
    ably.send_frame({"action": 15, "channel": "nobody", "messages": []})
    ably.publish("alpha", message("sound"))
    assert (await inbox.next()).data == "sound"


async def test_a_slow_start_is_over_when_the_server_is_heard_again(
    ably: AblyStandin, connect: Callable[..., Any]
) -> None:
    ably.black_hole()
    queue = states(connect())
    ably.black_hole(active=False)
    await reach(queue, "connected")
