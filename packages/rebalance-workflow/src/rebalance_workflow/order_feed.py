"""The account's order events, heard by a task of their own from `start` to `stop`.

Comes in: the broker's event stream. Goes out: each event to one handler, and a wake-up for whoever
waits for a condition. A lost session ends the stream and is raised to those who wait; the feed
itself never reconnects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from broker_connector_base import BrokerClient, BrokerConnectionError, OrderEvent


class OrderFeed:
    """Hears the order events of one account."""

    def __init__(
        self, broker: BrokerClient, account_id: str, handle: Callable[[OrderEvent], None]
    ) -> None:
        self._broker = broker
        self._account_id = account_id
        self._handle = handle
        self._news = asyncio.Event()
        self._failure: BrokerConnectionError | None = None
        self._listener: asyncio.Task[None] | None = None

    @property
    def stands(self) -> bool:
        """True while events are heard."""
        return self._listener is not None and self._failure is None

    async def start(self) -> None:
        """Subscribe (again); returns when no later event can be missed.

        Raises `BrokerConnectionError` when there is no session.
        """
        await self.stop()
        self._failure = None
        subscribed = asyncio.Event()
        self._listener = asyncio.create_task(self._listen(subscribed))
        await subscribed.wait()
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """End the subscription; harmless when there is none."""
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
            self._listener = None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until events have made the condition true, for as long as the session stands.

        Raises `BrokerConnectionError` when the stream ended first.
        """
        while not condition():
            if self._failure is not None:
                raise self._failure
            self._news.clear()
            await self._news.wait()

    async def _listen(self, subscribed: asyncio.Event) -> None:
        try:
            async with self._broker.order_events(self._account_id) as events:
                subscribed.set()
                async for event in events:
                    self._handle(event)
                    self._news.set()
            self._failure = BrokerConnectionError("the stream of order events ended")
        except BrokerConnectionError as error:
            self._failure = error
        finally:
            subscribed.set()
            self._news.set()
