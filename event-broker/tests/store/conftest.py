"""A store in each engine, with a clock that tests can put forward."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.store import Store, open_store
from app.store.testing import AdjustableClock


@pytest.fixture
def clock(database_url: str) -> AdjustableClock:
    return AdjustableClock(database_url)


@pytest.fixture
def store(database_url: str, clock: AdjustableClock) -> Iterator[Store]:
    with open_store(database_url, clock=clock) as opened:
        yield opened
