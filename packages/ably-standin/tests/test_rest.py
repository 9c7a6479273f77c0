"""History with its pages and its limits, publishing, and what REST does when it is told to fail."""

import asyncio
from typing import Any

import httpx
import pytest
from ably import AblyRest
from ably.types.message import Message
from ably.util.exceptions import AblyException

from ably_standin import AblyStandin, message

KEY = "standin.key"
#: Basic for standin.key:secret
BASIC = {"Authorization": "Basic c3RhbmRpbi5rZXk6c2VjcmV0"}
PATH = "/channels/alpha/messages"


async def numbers(rest: Any, **params: object) -> list[list[str]]:
    """The data of every page."""
    pages = []
    page = await rest.request("GET", PATH, "5", params=params)
    while page is not None:
        assert page.success, page.error_message
        pages.append([item["data"] for item in page.items])
        page = await page.next()
    return pages


async def test_pages_follow_each_other_in_both_directions(ably: AblyStandin, rest: Any) -> None:
    for number in range(5):
        ably.publish("alpha", message(str(number)))
    forwards = await numbers(rest, direction="forwards", limit=2)
    assert forwards == [["0", "1"], ["2", "3"], ["4"]]
    assert await numbers(rest, limit=2) == [["4", "3"], ["2", "1"], ["0"]]
    ably.set_page_size(3)
    assert await numbers(rest, limit=1000) == [["4", "3", "2"], ["1", "0"]]


async def test_start_and_end_are_inclusive(ably: AblyStandin, rest: Any) -> None:
    now = (await rest.request("GET", "/time", "5")).items[0]
    for age in (3_000, 2_000, 1_000):
        ably.publish("alpha", message(str(age)), timestamp=now - age)
    found = await numbers(rest, direction="forwards", start=now - 2_000, end=now - 1_000)
    assert found == [["2000", "1000"]]


async def test_from_serial_ends_with_the_frame_of_that_position(
    ably: AblyStandin, rest: Any
) -> None:
    ably.publish("alpha", message("before"))
    position = ably.publish("alpha", [message("at"), message("at too")])["channelSerial"]
    ably.publish("alpha", message("after"))
    assert await numbers(rest, fromSerial=position) == [["at too", "at", "before"]]


async def test_history_forgets_what_is_older_than_the_retention(
    ably: AblyStandin, rest: Any
) -> None:
    ably.publish("alpha", message("old"))
    ably.advance(121)
    ably.publish("alpha", message("new"))
    assert await numbers(rest) == [["new"]]
    ably.set_retention(3_600)
    assert await numbers(rest) == [["new", "old"]]


async def test_history_needs_its_own_capability(ably: AblyStandin, rest: Any) -> None:
    ably.set_capability(KEY, {"*": ["subscribe"]})
    page = await rest.request("GET", PATH, "5")
    assert (page.status_code, page.error_code) == (401, "40160")


async def test_a_publisher_that_repeats_an_id_publishes_once_within_two_minutes(
    ably: AblyStandin, rest: Any
) -> None:
    channel = rest.channels.get("alpha")
    for _ in range(2):
        await channel.publish(Message(id="base:0", data="same"))
    assert await numbers(rest) == [["same"]]
    ably.set_retention(3_600)
    ably.advance(121)
    await channel.publish(Message(id="base:0", data="later"))
    assert await numbers(rest) == [["later", "same"]]


async def test_a_wrong_secret_is_refused(ably: AblyStandin) -> None:
    wrong = "standin.key:wrong"
    options = {"endpoint": "127.0.0.1", "port": ably.port, "tls": False, "use_token_auth": True}
    async with AblyRest(wrong, **options) as client:
        with pytest.raises(AblyException) as caught:
            await client.request("GET", PATH, "5")
    assert caught.value.code == 40101


async def test_a_token_expires_with_the_servers_clock(ably: AblyStandin, rest: Any) -> None:
    await numbers(rest)
    ably.advance(2 * 3_600)
    page = await rest.request("GET", PATH, "5")
    assert page.error_code == "40142"
    await rest.auth.authorize()
    assert await numbers(rest) == [[]]


async def test_a_published_object_without_an_encoding_gets_one(ably: AblyStandin) -> None:
    url = f"http://{ably.endpoint}{PATH}"
    async with httpx.AsyncClient(headers=BASIC) as client:
        reply = await client.post(url, json={"data": {"exec": "rebalance"}})
        assert reply.status_code == 201
        (item,) = (await client.get(url)).json()
    assert (item["data"], item["encoding"]) == ('{"exec":"rebalance"}', "json")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", PATH, {}, 400, "40005"),
        ("GET", PATH, {"Authorization": "Basic !"}, 400, "40005"),
        ("GET", PATH, {"Authorization": "Bearer dG9rZW4="}, 401, "40140"),
        ("GET", PATH + "?limit=many", BASIC, 400, "40000"),
        ("POST", PATH, BASIC, 400, "40000"),
        ("POST", "/keys/standin.other/requestToken", {}, 400, "40000"),
        ("GET", "/nothing", BASIC, 404, "40400"),
    ],
)
async def test_errors_are_told_in_body_and_headers(
    ably: AblyStandin, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    async with httpx.AsyncClient(headers=headers) as client:
        reply = await client.request(method, f"http://{ably.endpoint}{path}")
    assert (reply.status_code, reply.headers["X-Ably-Errorcode"]) == (status, code)
    assert str(reply.json()["error"]["code"]) == code


async def test_rest_fails_as_it_is_told(ably: AblyStandin, rest: Any) -> None:
    assert (await rest.request("GET", PATH, "5")).success
    ably.fail_rest(503)
    with pytest.raises(ValueError, match="content type"):
        await rest.request("GET", PATH, "5")
    ably.fail_rest(body="<html>")
    with pytest.raises(ValueError, match="content type"):
        await rest.request("GET", PATH, "5")
    ably.fail_rest(delay=60, path="messages")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rest.request("GET", PATH, "5"), 0.2)
    ably.fail_rest()
    assert (await rest.request("GET", PATH, "5")).success
