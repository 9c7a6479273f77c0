"""The feed of order events: it notes what ends it, and nothing that ends it hurts its owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from broker_connector_base import (
    BrokerConnectionError,
    Connectivity,
    ConnectivityChange,
    OrderEvent,
)
from broker_connector_base.testing import Books, FakeBroker
from rebalance_workflow.order_feed import OrderFeed


@pytest.fixture
async def books() -> Books:
    books = Books()
    books.add_account("DU1", cash=1)
    return books


async def test_an_event_that_cannot_be_handled_ends_the_feed_and_wakes_who_waits(
    books: Books,
) -> None:
    def handle(event: OrderEvent) -> None:
        raise ZeroDivisionError("surprise")

    broker = FakeBroker(books)
    await broker.connect()
    feed = OrderFeed(broker, "DU1", handle)
    await feed.start()
    asyncio.get_running_loop().call_later(1, books.report_connectivity, Connectivity.LOST)
    with pytest.raises(BrokerConnectionError, match="surprise"):
        await feed.until(lambda: False)
    assert not feed.stands
    await feed.stop()


async def test_a_feed_that_failed_can_be_started_again(books: Books) -> None:
    heard: list[OrderEvent] = []
    broker = FakeBroker(books)
    await broker.connect()
    feed = OrderFeed(broker, "DU1", heard.append)
    await feed.start()
    books.drop()
    await broker.connect()
    await feed.start()
    books.report_connectivity(Connectivity.LOST)
    await feed.until(lambda: bool(heard))
    assert heard == [ConnectivityChange(state=Connectivity.LOST)]
    await feed.stop()


class Stuck(FakeBroker):
    """Never subscribes, and takes its time to give up."""

    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(5)
        async with super().order_events(account_id) as events:
            yield events


async def test_a_subscription_that_never_stands_is_given_up(books: Books) -> None:
    feed = OrderFeed(Stuck(books), "DU1", lambda event: None)
    with pytest.raises(BrokerConnectionError, match="within 10 s"):
        await feed.start()
    assert not feed.stands
    await feed.stop()


async def test_who_stops_the_feed_can_be_cancelled_meanwhile(books: Books) -> None:
    feed = OrderFeed(Stuck(books), "DU1", lambda event: None)
    with pytest.raises(BrokerConnectionError):
        await feed.start()
    stopping = asyncio.create_task(feed.stop())
    await asyncio.sleep(1)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
