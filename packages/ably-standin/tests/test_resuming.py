"""What a client gets when it comes back: it depends on where it was, and for how long away."""

import asyncio
from collections.abc import Callable
from typing import Any

from ably_standin import AblyStandin, message


async def subscribed(ably: AblyStandin, connect: Callable[..., Any], inbox: Any) -> Any:
    """A client on channel alpha that got one message, so that it has a position."""
    client = connect()
    await client.channels.get("alpha").subscribe(lambda received: inbox.put(received.data))
    ably.publish("alpha", message("first"))
    assert await inbox.next() == "first"
    return client


def attachments(client: Any) -> asyncio.Queue[bool]:
    """Whether each attachment from now on was resumed."""
    queue: asyncio.Queue[bool] = asyncio.Queue()

    def note(change: Any) -> None:
        queue.put_nowait(change.resumed)

    client.channels.get("alpha").on("attached", note)
    return queue


async def test_what_was_missed_is_replayed_after_a_reset(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client = await subscribed(ably, connect, inbox)
    resumed = attachments(client)
    connection_id = client.connection.connection_manager.connection_id
    ably.abort_connections()
    ably.publish("alpha", message("missed"))
    assert await inbox.next() == "missed"
    assert await resumed.get()
    assert client.connection.connection_manager.connection_id == connection_id
    again = await ably.received.wait("ATTACH", count=2)
    assert again[1].detail["flags"] == 32
    assert again[1].detail["channelSerial"]


async def test_nothing_is_replayed_after_three_hours(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client = await subscribed(ably, connect, inbox)
    resumed = attachments(client)
    ably.fail_upgrade(503)
    ably.abort_connections()
    await ably.received.wait("CONNECT", count=2)
    ably.publish("alpha", message("missed"))
    ably.advance(3 * 3_600)
    ably.fail_upgrade(None)
    assert not await resumed.get()
    ably.publish("alpha", message("live"))
    assert await inbox.next() == "live"


async def test_a_forgotten_connection_becomes_a_new_one_that_may_go_on_in_the_channel(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client = await subscribed(ably, connect, inbox)
    resumed = attachments(client)
    errors: asyncio.Queue[Any] = asyncio.Queue()

    def note(change: Any) -> None:
        errors.put_nowait(change.reason)

    client.connection.on("connected", note)
    ably.forget_connections()
    ably.abort_connections()
    assert (await errors.get()).code == 80008
    assert await resumed.get()


async def test_a_channel_that_is_not_resumed_attaches_at_the_head(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client = await subscribed(ably, connect, inbox)
    resumed = attachments(client)
    ably.force_non_resumed()
    ably.abort_connections()
    ably.publish("alpha", message("missed"))
    assert not await resumed.get()
    ably.publish("alpha", message("live"))
    assert await inbox.next() == "live"


async def test_an_idle_channel_is_resumed_however_old_its_last_message_is(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client = await subscribed(ably, connect, inbox)
    resumed = attachments(client)
    ably.advance(3_600)
    ably.abort_connections()
    assert await resumed.get()


async def test_rewind_brings_back_the_latest_messages(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    for text in ("old", "newer", "newest"):
        ably.publish("alpha", message(text))
        ably.advance(60)
    ably.set_retention(3_600)
    client = connect()
    by_number = client.channels.get("[?rewind=2]alpha")
    await by_number.subscribe(lambda received: inbox.put(received.data))
    assert [await inbox.next(), await inbox.next()] == ["newer", "newest"]
    by_time = connect().channels.get("[?rewind=90s]alpha")
    await by_time.subscribe(lambda received: inbox.put(received.data))
    assert await inbox.next() == "newest"


async def test_rewind_does_nothing_for_a_client_that_was_attached_before(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    ably.publish("alpha", message("history"))
    client = connect()
    channel = client.channels.get("[?rewind=2m]alpha")
    await channel.subscribe(lambda received: inbox.put(received.data))
    assert await inbox.next() == "history"
    ably.force_non_resumed()
    ably.abort_connections()
    await ably.received.wait("ATTACH", count=2)
    ably.publish("alpha", message("live"))
    assert await inbox.next() == "live"


async def test_detaching_and_attaching_again_rewinds_afresh(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    channel = connect().channels.get("[?rewind=2m]alpha")
    await channel.subscribe(lambda received: inbox.put(received.data))
    await channel.detach()
    ably.publish("alpha", message("missed"))
    await channel.attach()
    assert await inbox.next() == "missed"
