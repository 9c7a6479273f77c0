"""SIGTERM while orders work: the run finishes, or hands over; it never leaves an order behind."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from app.events import AttemptOutcome, EventState
from simulated_exchange import FillPolicy, OrderState, Side

from .product import CONFIG
from .witness import Witness

if TYPE_CHECKING:
    from .conftest import OpenSite, Site
    from .product import Service

pytestmark = pytest.mark.acceptance

ACCOUNTS = {"DU1": "alpha", "DU2": "alpha"}


def sell_and_be_told_to_end(site: Site) -> Service:
    """A service that was told to end while a sell of DU1 works, and DU2 waits for its turn."""
    site.broker.let_fill("BBB", FillPolicy.never())
    for account_id in ACCOUNTS:
        site.enqueue(account_id)
    service = site.start("worker")
    site.broker.until_ordered("DU1", Side.SELL)
    service.signal(signal.SIGTERM)
    return service


def test_a_service_told_to_end_lets_a_run_finish_and_begins_no_other(
    open_site: OpenSite, sqlite_url: str
) -> None:
    site = open_site(sqlite_url, ACCOUNTS, CONFIG + "executor: {max_workers: 1}\n")
    service = sell_and_be_told_to_end(site)
    service.until("worker.finishing")
    site.broker.let_fill("BBB", None)
    assert service.end() == 0
    done, waiting = site.events("DU1") + site.events("DU2")
    assert (done.state, waiting.state) == (EventState.DONE, EventState.QUEUED)
    assert site.broker.ask(Witness.on_target, "DU1") == []
    assert site.broker.ask(Witness.untouched, "DU2")


def test_a_service_without_grace_takes_its_orders_back_and_the_next_one_goes_on(
    open_site: OpenSite, postgres_url: str
) -> None:
    config = CONFIG + "executor: {max_workers: 1, shutdown_grace_seconds: 0}\n"
    site = open_site(postgres_url, ACCOUNTS, config)
    service = sell_and_be_told_to_end(site)
    assert service.end() == 0
    (event,) = site.events("DU1")
    assert event.state is EventState.QUEUED
    assert event.reason
    assert {order.status for order in site.broker.orders()} == {
        OrderState.FILLED,
        OrderState.CANCELLED,
    }
    site.broker.let_fill("BBB", None)
    site.start("worker")
    site.until_ended()
    site.assert_all_is_well()
    assert site.outcomes(event.event_id) == [AttemptOutcome.RELEASED, AttemptOutcome.DONE]
