"""Machines that share a gateway, a PostgreSQL and no disk: one goes on where another was lost."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.events import AttemptOutcome, Command, EventSource, EventState, NewEvent
from app.store import open_store
from simulated_exchange import FillPolicy, Side

from .news import News
from .product import client_of, seeing_the_end_of_a_run
from .stores import nobody_appends, waits_for_another
from .witness import Witness

if TYPE_CHECKING:
    from .conftest import OpenSite, Site
    from .product import Service

pytestmark = pytest.mark.acceptance

ACCOUNTS = {"DU1": "alpha"}


def lose_a_machine_while_selling(site: Site, service: Service) -> str:
    """Its sells have reached the exchange, one of them works, and it is gone; its run."""
    site.broker.let_fill("BBB", FillPolicy.never())
    site.broker.until_ordered("DU1", Side.SELL)
    (lost,) = site.broker.runs_with_orders("DU1")
    service.kill_all()
    return lost


def let_go_on(site: Site) -> None:
    """Once somebody has taken back what works, with the client id that had placed it."""
    site.broker.until(lambda: site.broker.has_asked(client_of("DU1"), "cancelOrder"))
    site.broker.let_fill("BBB", None)


def assert_taken_over(site: Site, lost: str) -> None:
    """The ends of the lost run's orders were found, and a second run was all that it took."""
    site.assert_all_is_well()
    assert len(site.broker.runs_with_orders("DU1")) == 2
    assert {request.client_id for request in site.broker.requests if request.client_id} == {
        client_of("DU1")
    }
    outcomes = [r for r in journal(site) if r["kind"] == "outcome" and r["run_id"] == lost]
    assert {r["client_order_id"].split(":")[3] for r in outcomes} == {"AAA", "BBB"}


def journal(site: Site) -> list[dict[str, str]]:
    """Of DU1, in the database."""
    with psycopg.connect(site.database_url) as reading:
        rows = reading.execute("SELECT record FROM journal ORDER BY seq").fetchall()
    return [json.loads(record) for (record,) in rows]


def test_a_machine_lost_with_an_order_at_work_is_replaced_by_another_without_its_disk(
    open_site: OpenSite, postgres_url: str
) -> None:
    site = open_site(postgres_url, ACCOUNTS)
    event_id = site.enqueue("DU1")
    lost = lose_a_machine_while_selling(site, site.start("worker"))
    elsewhere = site.another_machine()
    site.start("worker", home=elsewhere)
    let_go_on(site)
    site.until_ended()
    assert_taken_over(site, lost)
    assert site.outcomes(event_id) == [AttemptOutcome.LEASE_EXPIRED, AttemptOutcome.DONE]
    # Neither of them has kept anything to itself.
    for home in (site.home, elsewhere):
        assert list((home / "data" / "simulation" / "journal").iterdir()) == []
    assert not (elsewhere / "data" / "client-ids.json").exists()


def test_a_command_on_another_machine_goes_on_where_a_service_was_lost(
    open_site: OpenSite, postgres_url: str
) -> None:
    site = open_site(postgres_url, ACCOUNTS)
    site.enqueue("DU1")
    lost = lose_a_machine_while_selling(site, site.start("worker"))
    with ThreadPoolExecutor(1) as pool:
        command = ("rebalance", "-account", "DU1", "-exec", "rebalance")
        running = pool.submit(site.command, site.another_machine(), *command)
        let_go_on(site)
        assert running.result()["status"] == "done"
    assert_taken_over(site, lost)


def test_orders_of_the_time_before_the_database_are_taken_back(
    open_site: OpenSite, postgres_url: str, sqlite_url: str
) -> None:
    site = open_site(postgres_url, ACCOUNTS)
    new = NewEvent(account_id="DU1", command=Command.REBALANCE, source=EventSource.API)
    with open_store(sqlite_url) as before:
        before.events.enqueue(new)
    lost = lose_a_machine_while_selling(site, site.start("worker", database_url=sqlite_url))
    site.enqueue("DU1")
    site.start("worker")
    let_go_on(site)
    site.until_ended()
    assert_taken_over(site, lost)
    (file,) = (site.home / "data" / "simulation" / "journal").iterdir()
    assert file.name.startswith("DU1.jsonl.")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_service_killed_or_stopped_before_it_has_kept_the_intents_sends_no_order(
    open_site: OpenSite, postgres_url: str, number: signal.Signals
) -> None:
    site = open_site(postgres_url, ACCOUNTS)
    # The first record of a run is its beginning, the second its first intent.
    with nobody_appends(postgres_url, "DU1", 2):
        service = site.start("worker")
        site.enqueue("DU1")
        News().until(lambda: waits_for_another(postgres_url), lambda: service.words, net=0.05)
        with seeing_the_end_of_a_run(site.home, "DU1"):
            service.signal(number)
    assert site.broker.ask(Witness.untouched, "DU1")
    site.start("worker", home=site.another_machine())
    site.until_ended()
    if number is signal.SIGSTOP:
        service.signal(signal.SIGCONT)
        service.until("event.lease_lost")
    site.assert_all_is_well()
    assert len(site.broker.runs_with_orders("DU1")) == 1
    (event,) = site.events()
    assert event.state is EventState.DONE


def test_machines_look_at_an_account_with_one_client_id(
    open_site: OpenSite, postgres_url: str
) -> None:
    site = open_site(postgres_url, ACCOUNTS)
    elsewhere = site.another_machine()
    for home in (elsewhere, site.home, elsewhere):
        site.command(home, "positions", "-account", "DU1")
    (client_id,) = {request.client_id for request in site.broker.requests if request.client_id}
    # The machine that has traded tells of its ids at its first look only.
    assert client_id != client_of("DU1")
    assert site.command(elsewhere, "plan", "--strategy", "alpha")["accounts"]
    assert site.command(site.home, "doctor", "-account", "DU1")
    assert not (elsewhere / "data" / "client-ids.json").exists()


def test_a_machine_whose_client_ids_contradict_the_store_does_not_serve(
    open_site: OpenSite, postgres_url: str
) -> None:
    site = open_site(postgres_url, ACCOUNTS)
    site.command(site.home, "rebalance", "-account", "DU1")
    elsewhere = site.another_machine()
    file = elsewhere / "data" / "client-ids.json"
    file.write_text('{"DU1/trade": 1044}')
    service = site.start("worker", home=elsewhere)
    assert service.end() == 2
    assert f"DU1/trade has 1044 in the file and {client_of('DU1')} there" in service.words
    file.rename(file.with_suffix(".old"))
    site.enqueue("DU1")
    site.start("worker", home=elsewhere)
    site.until_ended()
    site.assert_all_is_well()
