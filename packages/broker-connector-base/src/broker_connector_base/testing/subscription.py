"""One reader's queue of a session's events."""

from __future__ import annotations

import asyncio

from broker_connector_base.exceptions import BrokerConnectionError
from broker_connector_base.models import OrderEvent


class Subscription:
    """Events of one account since the moment of creation, then the session's end for ever.

    An iterator and not a generator: a reader that gives up waiting can come back.
    """

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._queue: asyncio.Queue[OrderEvent | BrokerConnectionError] = asyncio.Queue()

    def put(self, event: OrderEvent | BrokerConnectionError) -> None:
        self._queue.put_nowait(event)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> OrderEvent:
        event = await self._queue.get()
        if isinstance(event, BrokerConnectionError):
            self.put(event)
            raise event
        return event
