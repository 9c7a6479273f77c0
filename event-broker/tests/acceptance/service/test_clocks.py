"""Somebody sets the clock while an account trades: no lease, no order and no event hangs on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import ColumnElement

from app.events import AttemptOutcome
from app.service import Role, Service
from app.settings import load_settings
from app.store import open_store
from app.store.clock import After, span
from app.store.testing import AdjustableClock
from simulated_exchange import FillPolicy, Side

from .news import News

if TYPE_CHECKING:
    from .conftest import OpenSite, Site

pytestmark = pytest.mark.acceptance


class WatchedClock(AdjustableClock):
    """Knows how often the end of a lease was asked for, as each beat and each sweep does."""

    def __init__(self, database_url: str) -> None:
        super().__init__(database_url)
        self.asked = 0
        self.news = News()

    def lease(self, after: After = timedelta(0)) -> ColumnElement[float]:
        def told() -> timedelta:
            self.asked += 1
            self.news.tell()
            return span(after)

        # The expression is made once, and asks each time its statement runs.
        return super().lease(told)

    def let_leases_be_looked_at(self) -> None:
        """Return after two beats at least."""
        seen = self.asked
        self.news.until(lambda: self.asked > seen + 6, lambda: self.asked)


@asynccontextmanager
async def service_of(
    site: Site, clock: AdjustableClock, now: Callable[[], datetime]
) -> AsyncIterator[None]:
    """The service in this process, where its clocks can be set."""
    settings = load_settings(site.home, {})
    end, hurry = asyncio.Event(), asyncio.Event()
    with open_store(site.database_url, clock=clock) as store:
        service = Service(settings, store, Role.WORKER, variables={}, now=now)
        running = asyncio.create_task(service.run(end, hurry))
        yield
        end.set()
        await running


@pytest.mark.parametrize("jump", [timedelta(days=2), timedelta(days=-2)], ids=["ahead", "back"])
async def test_a_clock_that_jumps_while_an_account_trades_changes_nothing(
    open_site: OpenSite, database_url: str, jump: timedelta
) -> None:
    site = open_site(database_url, {"DU1": "alpha"})
    clock, later = WatchedClock(database_url), timedelta(0)
    site.broker.let_fill("BBB", FillPolicy.never())
    first = site.enqueue("DU1")
    async with service_of(site, clock, lambda: datetime.now(UTC) + later):
        await asyncio.to_thread(site.broker.until_ordered, "DU1", Side.SELL)
        later = jump
        clock.set_database(jump)
        await asyncio.to_thread(clock.let_leases_be_looked_at)
        site.enqueue("DU1")
        site.broker.let_fill("BBB", None)
        await asyncio.to_thread(site.until_ended, events=2)
    site.assert_all_is_well()
    assert site.outcomes(first) == [AttemptOutcome.DONE]
    assert len(site.broker.runs_with_orders("DU1")) == 1
