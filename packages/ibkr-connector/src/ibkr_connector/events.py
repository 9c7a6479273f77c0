"""Order events for whoever listens: one queue per listener, filled from the moment of entry.

Comes in: events by account, connectivity changes, the end of the session. Goes out: an iterator of
events that raises when the session is lost. It drops nothing and never waits for a slow listener.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from broker_connector_base import BrokerConnectionError, ConnectivityChange, OrderEvent

_Queue = asyncio.Queue[OrderEvent | BrokerConnectionError]


class Subscriptions:
    """The listeners of one session."""

    def __init__(self) -> None:
        self._queues: dict[_Queue, str] = {}

    def publish(self, account_id: str, event: OrderEvent) -> None:
        """Tell those who listen to the account."""
        for queue, listens_to in self._queues.items():
            if listens_to == account_id:
                queue.put_nowait(event)

    def publish_to_all(self, event: ConnectivityChange | BrokerConnectionError) -> None:
        """Tell everybody; an error ends every iterator after the events before it."""
        for queue in self._queues:
            queue.put_nowait(event)

    @asynccontextmanager
    async def listen(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        """Events of the account from now on, until the block is left."""
        queue: _Queue = asyncio.Queue()
        self._queues[queue] = account_id
        try:
            async with aclosing(_events(queue)) as events:
                yield events
        finally:
            del self._queues[queue]


async def _events(queue: _Queue) -> AsyncGenerator[OrderEvent, None]:
    while True:
        event = await queue.get()
        if isinstance(event, BrokerConnectionError):
            raise event
        yield event
