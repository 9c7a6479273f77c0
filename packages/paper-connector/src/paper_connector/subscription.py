"""One reader's queue of a session's events.

Comes in: events, and the end of the session. Goes out: an iterator that raises once the session has
ended and everything before it was read. It drops nothing and never waits for a slow reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from broker_connector_base import BrokerConnectionError, OrderEvent


class Subscription(AsyncIterator[OrderEvent]):
    """Events of one account since the moment of creation; a wait can be given up and taken up."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._waiting: asyncio.Queue[OrderEvent | BrokerConnectionError] = asyncio.Queue()

    def put(self, event: OrderEvent | BrokerConnectionError) -> None:
        """An error is the end: it is raised for ever."""
        self._waiting.put_nowait(event)

    async def __anext__(self) -> OrderEvent:
        event = await self._waiting.get()
        if isinstance(event, BrokerConnectionError):
            self.put(event)
            raise event
        return event
