"""Attaching, refusing and detaching channels, and delivering twice or not at all."""

from collections.abc import Callable
from typing import Any

import pytest
from ably.util.exceptions import AblyException

from ably_standin import AblyStandin, message

KEY = "standin.key"


async def test_a_refused_channel_leaves_the_others_alone(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    ably.fail_attach("closed", 40160, 401)
    client = connect()
    with pytest.raises(AblyException) as caught:
        await client.channels.get("closed").subscribe(inbox.put)
    assert caught.value.code == 40160
    await client.channels.get("open").subscribe(inbox.put)
    ably.publish("open", message("heard"))
    assert (await inbox.next()).data == "heard"


async def test_a_channel_that_the_key_does_not_cover_is_refused(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    ably.set_capability(KEY, {"public:*": ["subscribe"]})
    client = connect()
    await client.channels.get("public:alpha").subscribe(inbox.put)
    with pytest.raises(AblyException) as attach:
        await client.channels.get("alpha").subscribe(inbox.put)
    assert attach.value.code == 40160
    with pytest.raises(AblyException) as publish:
        await client.channels.get("public:alpha").publish("name", "data")
    assert publish.value.code == 40160


async def test_a_channel_that_the_server_detaches_is_attached_again(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    await connect().channels.get("alpha").subscribe(inbox.put)
    ably.detach("alpha")
    await ably.received.wait("ATTACH", count=2)
    ably.publish("alpha", message("heard"))
    assert (await inbox.next()).data == "heard"


async def test_an_additional_attached_says_that_continuity_was_lost(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    channel = connect().channels.get("alpha")
    await channel.subscribe(lambda _: None)
    channel.on("update", lambda change: inbox.put(change.resumed))
    ably.additional_attached("alpha")
    assert await inbox.next() is False


async def test_a_redelivered_message_comes_twice_with_one_id(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    await connect().channels.get("alpha").subscribe(inbox.put)
    ably.publish("alpha", message("once"))
    ably.redeliver("alpha")
    first, second = await inbox.next(), await inbox.next()
    assert first.id == second.id


async def test_one_message_that_cannot_be_decoded_takes_its_batch_with_it(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any, rest: Any
) -> None:
    await connect().channels.get("alpha").subscribe(inbox.put)
    ably.publish("alpha", [message("good"), {"data": "{", "encoding": "json"}], id="batch:0")
    ably.publish("alpha", message("after"))
    assert (await inbox.next()).data == "after"
    page = await rest.request("GET", "/channels/alpha/messages", "5")
    assert [item["id"] for item in page.items][1:] == ["batch:0:1", "batch:0:0"]


async def test_a_message_that_was_not_delivered_is_in_history_alone(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any, rest: Any
) -> None:
    await connect().channels.get("alpha").subscribe(inbox.put)
    ably.publish("alpha", message("lost"), deliver=False)
    ably.publish("alpha", message("heard"))
    assert (await inbox.next()).data == "heard"
    page = await rest.channels.get("alpha").history(direction="forwards")
    assert [item.data for item in page.items] == ["lost", "heard"]
