"""Leases are kept alive whatever the store does. The store is a fake without threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from app.events import Claim, Event
from app.execution import LeaseKeeper
from app.store import Store, StoreUnavailable

Keep = Callable[["FakeStore"], Awaitable[tuple[float, bool]]]


class FakeStore:
    """Answers each heartbeat with what comes next: a deadline, an error, or None for lost."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self._answers = list(answers)
        self.events = self
        self.told_all = asyncio.Event()
        self.sweeps = 0

    async def call(self, work: Callable[..., Any], *args: Any) -> Any:
        return work(*args)

    def heartbeat_all(self, claims: Sequence[Claim]) -> tuple[Claim, ...]:
        answer = self._answers.pop(0)
        if not self._answers:
            self.told_all.set()
        if isinstance(answer, Exception):
            raise answer
        return () if answer is None else (replace(claims[0], lease_until=answer),)

    def sweep(self) -> None:
        self.sweeps += 1


@pytest.fixture
def kept(event: Event) -> Keep:
    """The deadline of the lease after all heartbeats, and whether its work was told to stop."""
    claim = Claim(event=event, token="t1", lease_until=100.0)

    async def keep(store: FakeStore) -> tuple[float, bool]:
        keeper = LeaseKeeper(cast(Store, store))
        with keeper.holding(claim) as held:
            keeping = asyncio.create_task(keeper.run())
            await store.told_all.wait()
            await asyncio.sleep(0)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            return held.lease.until, held.stop.is_set()

    return keep


async def test_an_outage_prolongs_nothing_and_ends_nothing(kept: Keep) -> None:
    store = FakeStore(101.0, StoreUnavailable("away"), 103.0)
    assert await kept(store) == (102.5, False)
    assert store.sweeps == 2


async def test_a_fault_does_not_end_the_heartbeats(kept: Keep) -> None:
    store = FakeStore(RuntimeError("a defect"), 102.0)
    assert await kept(store) == (101.5, False)


async def test_the_work_of_a_lost_lease_is_told_to_stop(kept: Keep) -> None:
    assert await kept(FakeStore(101.0, None)) == (100.5, True)
