"""Two services on one store: they share the work, and one goes on where the other is cut off."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from app.events import AttemptOutcome, EventState
from simulated_exchange import FillPolicy, Side

from .product import CONFIG
from .stores import nobody_writes

if TYPE_CHECKING:
    from .conftest import OpenSite, Site
    from .product import Service

pytestmark = pytest.mark.acceptance


def until_all_are_selling(site: Site) -> None:
    """Each account has sent both of its sells, and that of BBB does not fill."""
    for account_id in site.accounts:
        site.broker.until_ordered(account_id, Side.SELL)


def fall_asleep(site: Site, service: Service) -> None:
    """Stop everything of a service, though not while it writes: it would hold everybody up."""
    with nobody_writes(site.database_url):
        service.signal_all(signal.SIGSTOP)
        os.waitid(os.P_PID, service.pid, os.WSTOPPED | os.WNOWAIT)


def share_of(site: Site, service: Service) -> list[str]:
    """The accounts that a service is working."""
    running = [event for event in site.events() if event.state is EventState.RUNNING]
    return [e.account_id for e in running if e.worker and e.worker.endswith(f"-{service.pid}")]


def test_two_services_share_the_work_and_one_takes_over_when_the_other_is_killed(
    open_site: OpenSite, database_url: str
) -> None:
    accounts = dict.fromkeys(["DU1", "DU2", "DU3"], "alpha")
    site = open_site(database_url, accounts, CONFIG + "executor: {max_workers: 2}\n")
    site.broker.let_fill("BBB", FillPolicy.never())
    services = [site.start("worker"), site.start("worker")]
    for service in services:
        service.until("service.started")
    for account_id in accounts:
        site.enqueue(account_id)
    until_all_are_selling(site)
    spared, killed = sorted(services, key=lambda service: len(share_of(site, service)))
    taken = share_of(site, killed)
    assert (len(share_of(site, spared)), len(taken)) == (1, 2)
    killed.kill()
    # Its account processes are left alone with working orders, and take them back.
    spared.until("event.started", times_queued=2)
    site.broker.let_fill("BBB", None)
    site.until_ended()
    site.assert_all_is_well()
    for event in site.events():
        expected = [AttemptOutcome.LEASE_EXPIRED] if event.account_id in taken else []
        assert site.outcomes(event.event_id) == [*expected, AttemptOutcome.DONE]


def test_a_service_that_slept_past_its_lease_sends_no_order_when_it_wakes(
    open_site: OpenSite, database_url: str
) -> None:
    site = open_site(database_url, {"DU1": "alpha"})
    site.broker.let_fill("BBB", FillPolicy.never())
    asleep = site.start("worker")
    asleep.until("service.started")
    site.enqueue("DU1")
    until_all_are_selling(site)
    (late_run,) = site.broker.runs_with_orders("DU1")
    fall_asleep(site, asleep)
    awake = site.start("worker")
    awake.until("event.started", account_id="DU1")
    # What its account process was waiting for: awake in time, it would buy now.
    site.broker.let_fill("BBB", None)
    for process in asleep.processes()[1:]:
        process.resume()
    site.until_ended()
    asleep.signal(signal.SIGCONT)
    asleep.until("event.lease_lost")
    site.assert_all_is_well()
    buys = [order.request.order_ref for order in site.broker.orders(Side.BUY)]
    assert buys
    assert not [reference for reference in buys if f":{late_run}:" in reference]
    assert [event.state for event in site.events()] == [EventState.DONE]
    assert asleep.stop() == 0
