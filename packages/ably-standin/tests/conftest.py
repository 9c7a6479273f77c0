"""A stand-in, clients of the real SDK that are in a hurry, and a listener to wait for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from ably import AblyRealtime, AblyRest

from ably_standin import DEFAULT_KEY, AblyStandin

#: milliseconds; the SDK's own are ten times as long
HURRY = {
    "realtime_request_timeout": 1_000,
    "disconnected_retry_timeout": 100,
    "suspended_retry_timeout": 200,
    "channel_retry_timeout": 100,
}
PLAIN = {"tls": False, "use_binary_protocol": False}


class Inbox:
    """Collects what a listener of the SDK gets. Use `inbox.put` as the listener."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, item: Any) -> None:
        self.seen.append(item)
        self._queue.put_nowait(item)

    async def next(self, patience: float = 5.0) -> Any:
        """The next thing that came, within this many seconds."""
        return await asyncio.wait_for(self._queue.get(), patience)

    async def until(self, wanted: Callable[[Any], bool]) -> Any:
        """The next that is wanted; others are passed over."""
        while not wanted(item := await self.next()):
            pass
        return item


@pytest.fixture
async def ably() -> AsyncIterator[AblyStandin]:
    async with AblyStandin() as standin:
        yield standin


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def connect(ably: AblyStandin) -> AsyncIterator[Callable[..., Any]]:
    """Make realtime clients; they are closed at the end."""
    async with AsyncExitStack() as stack:

        def make(key: str | None = DEFAULT_KEY, **options: Any) -> Any:
            client = AblyRealtime(key, **{"endpoint": ably.endpoint, **PLAIN, **HURRY, **options})
            stack.push_async_callback(client.close)
            return client

        yield make


@pytest.fixture
async def rest(ably: AblyStandin) -> AsyncIterator[Any]:
    """A REST client. Without TLS the SDK insists on a token."""
    options: dict[str, Any] = {"endpoint": "127.0.0.1", "port": ably.port, **PLAIN}
    async with AblyRest(DEFAULT_KEY, use_token_auth=True, **options) as client:
        yield client
