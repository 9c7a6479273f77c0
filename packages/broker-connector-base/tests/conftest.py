"""Every test of this package runs on a loop that never waits, many against one small broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from broker_connector_base.testing import Books, FakeBroker, VirtualTimeLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual-time": VirtualTimeLoop}


@pytest.fixture
def books() -> Books:
    books = Books()
    books.add_account("DU1", cash=10_000, shares={"OLD": 10})
    books.add_instrument("OLD", bid="49.99", ask="50.01")
    books.add_instrument("NEW", bid="99.99", ask="100.01")
    return books


@pytest.fixture
async def broker(books: Books) -> AsyncIterator[FakeBroker]:
    broker = FakeBroker(books, acknowledgement_timeout_seconds=10)
    await broker.connect()
    yield broker
    await broker.disconnect()
