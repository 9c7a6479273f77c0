"""Order events for whoever listens: one queue per listener, filled from the moment of entry.

Comes in: events by account, connectivity changes, the end of the session. Goes out: an iterator of
events that raises when the session is lost. It drops nothing and never waits for a slow listener.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from broker_connector_base import BrokerConnectionError, ConnectivityChange, OrderEvent


class EventQueue(AsyncIterator[OrderEvent]):
    """Events of one account in the order they came; a wait can be given up and taken up again."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._events: deque[OrderEvent] = deque()
        self._end: BrokerConnectionError | None = None
        self._news = asyncio.Event()

    def put(self, event: OrderEvent) -> None:
        self._events.append(event)
        self._news.set()

    def end(self, error: BrokerConnectionError) -> None:
        """After the events that are here already, the iterator raises this."""
        self._end = error
        self._news.set()

    async def __anext__(self) -> OrderEvent:
        while not self._events:
            if self._end is not None:
                raise self._end
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()


class Subscriptions:
    """The listeners of one session."""

    def __init__(self) -> None:
        self._queues: list[EventQueue] = []

    def publish(self, account_id: str, event: OrderEvent) -> None:
        """Tell those who listen to the account."""
        for queue in self._queues:
            if queue.account_id == account_id:
                queue.put(event)

    def publish_to_all(self, event: ConnectivityChange) -> None:
        """Tell everybody."""
        for queue in self._queues:
            queue.put(event)

    def end_all(self, error: BrokerConnectionError) -> None:
        """The session is lost: no iterator will get another event."""
        for queue in self._queues:
            queue.end(error)

    @contextmanager
    def listen(self, account_id: str) -> Iterator[EventQueue]:
        """Events of the account from now on, until the block is left."""
        queue = EventQueue(account_id)
        self._queues.append(queue)
        try:
            yield queue
        finally:
            self._queues.remove(queue)
