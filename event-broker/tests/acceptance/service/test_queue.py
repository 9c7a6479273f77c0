"""Events of one account behind each other, and accounts that do not wait for one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.events import AttemptOutcome, EventState
from simulated_exchange import FillPolicy, Side

from .product import client_of
from .witness import Witness

if TYPE_CHECKING:
    from .conftest import OpenSite

pytestmark = pytest.mark.acceptance


def test_events_that_come_while_one_runs_lead_to_exactly_one_more_run(
    open_site: OpenSite, database_url: str
) -> None:
    site = open_site(database_url, {"DU1": "alpha"})
    site.broker.let_fill("BBB", FillPolicy.never())
    service = site.start("worker")
    first = site.enqueue("DU1")
    site.broker.until_ordered("DU1", Side.SELL)
    second, third, fourth = (site.enqueue("DU1") for _ in range(3))
    assert second == third == fourth != first
    site.broker.let_fill("BBB", None)
    site.until_ended(events=4)
    states = sorted(event.state for event in site.events())
    assert states == [EventState.DONE, EventState.DONE, EventState.MERGED, EventState.MERGED]
    service.until("event.settled", count=2)
    assert len([line for line in service.said if line.get("event") == "event.started"]) == 2
    # The second one finds nothing to do.
    assert len(site.broker.runs_with_orders("DU1")) == 1
    site.assert_all_is_well()


def test_an_account_that_fails_for_ever_keeps_nobody_waiting(
    open_site: OpenSite, sqlite_url: str
) -> None:
    accounts = dict.fromkeys(["DU1", "DU2", "DU3"], "alpha")
    site = open_site(sqlite_url, accounts)
    client = client_of("DU1")
    site.broker.let_fail(action="drop", times=0, message="startApi", client_id=client)
    for account_id in accounts:
        site.enqueue(account_id)
    service = site.start("worker")
    service.until("event.started", account_id="DU1", times_queued=3)
    site.until_ended("DU2", "DU3")
    (failing,) = site.events("DU1")
    assert failing.state in (EventState.QUEUED, EventState.RUNNING)
    assert failing.error
    assert site.broker.ask(Witness.untouched, "DU1")
    site.broker.mend()
    site.until_ended()
    site.assert_all_is_well()
    *earlier, last = (a.outcome for a in site.store.events.attempts(failing.event_id))
    assert set(earlier) == {AttemptOutcome.RETRIED}
    assert last is AttemptOutcome.DONE
