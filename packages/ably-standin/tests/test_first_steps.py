"""The real SDK connects, subscribes, publishes and reads history."""

from collections.abc import Callable
from typing import Any

from ably_standin import AblyStandin, message


async def test_a_subscriber_gets_what_is_published(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client = connect()
    await client.channels.get("alpha").subscribe(inbox.put)
    ably.publish("alpha", message({"exec": "rebalance"}, name="signal"))
    received = await inbox.next()
    assert (received.name, received.data) == ("signal", {"exec": "rebalance"})


async def test_msgpack_is_spoken_when_asked_for(
    ably: AblyStandin, connect: Callable[..., Any], inbox: Any
) -> None:
    client = connect(use_binary_protocol=True)
    await client.channels.get("alpha").subscribe(inbox.put)
    ably.publish("alpha", [message([1, 2]), message(b"\x00\x01")])
    assert (await inbox.next()).data == [1, 2]
    assert (await inbox.next()).data == b"\x00\x01"


async def test_history_has_what_was_published_newest_first(ably: AblyStandin, rest: Any) -> None:
    for number in (1, 2, 3):
        ably.publish("strat a/1", message({"number": number}))
    page = await rest.request("GET", "/channels/strat%20a%2F1/messages", "5")
    assert [item["data"] for item in page.items] == [
        '{"number":3}',
        '{"number":2}',
        '{"number":1}',
    ]


async def test_what_one_client_publishes_another_gets(
    connect: Callable[..., Any], rest: Any, inbox: Any
) -> None:
    await connect().channels.get("alpha").subscribe(inbox.put)
    await connect().channels.get("alpha").publish("live", "one")
    await rest.channels.get("alpha").publish("rest", {"two": 2})
    assert [(await inbox.next()).data, (await inbox.next()).data] == ["one", {"two": 2}]


async def test_a_ping_is_answered(connect: Callable[..., Any]) -> None:
    client = connect()
    await client.connection.once_async("connected")
    assert await client.connection.ping() < 1_000
