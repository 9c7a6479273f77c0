"""The store goes away while accounts trade, and comes back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.events import Command
from app.store.testing import PostgresServer
from simulated_exchange import Side

from .news import News
from .product import seeing_the_end_of_a_run
from .stores import nobody_appends, nobody_writes, waits_for_another
from .witness import Witness

if TYPE_CHECKING:
    from .conftest import OpenSite, Site

pytestmark = pytest.mark.acceptance

ACCOUNTS = dict.fromkeys([f"DU{n}" for n in range(1, 5)], "alpha")


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of our own to be killed."""
    with (
        tempfile.TemporaryDirectory(prefix="killed-postgres-") as directory,
        PostgresServer(Path(directory) / "data") as server,
    ):
        yield server


def begin_to_trade(site: Site) -> None:
    for account_id in ACCOUNTS:
        site.enqueue(account_id)
        site.enqueue(account_id, Command.PRINT_POSITIONS)
    site.broker.until(lambda: site.broker.orders(Side.SELL))


def test_a_database_server_killed_under_load_costs_no_event_and_no_order(
    open_site: OpenSite, server: PostgresServer
) -> None:
    site = open_site(server.url, ACCOUNTS)
    service = site.start("worker")
    service.until("service.started")
    begin_to_trade(site)
    server.kill()
    service.until("store.unavailable")
    server.start_again()
    site.until_ended(events=2)
    site.assert_all_is_well()


def test_a_database_server_killed_before_it_has_kept_the_intents_costs_no_order(
    open_site: OpenSite, server: PostgresServer
) -> None:
    site = open_site(server.url, {"DU1": "alpha"})
    with nobody_appends(server.url, "DU1", 2):
        service = site.start("worker")
        site.enqueue("DU1")
        News().until(lambda: waits_for_another(server.url), lambda: service.words, net=0.05)
        with seeing_the_end_of_a_run(site.home, "DU1"):
            server.kill()
        service.until("journal.not_kept")
    assert site.broker.ask(Witness.untouched, "DU1")
    server.start_again()
    site.until_ended()
    site.assert_all_is_well()
    assert len(site.broker.runs_with_orders("DU1")) == 1


def test_a_database_file_locked_by_others_for_seconds_costs_no_event_and_no_order(
    open_site: OpenSite, sqlite_url: str
) -> None:
    site = open_site(sqlite_url, ACCOUNTS)
    service = site.start("worker")
    service.until("service.started")
    begin_to_trade(site)
    with nobody_writes(sqlite_url):
        service.until("store.unavailable")
    site.until_ended(events=2)
    site.assert_all_is_well()
