"""The operator hears of a result, also when the process that has it is killed."""

from __future__ import annotations

import signal
from queue import Empty
from typing import TYPE_CHECKING, Any

import pytest

from app.events import EventState
from simulated_exchange import FillPolicy, Side

from .news import PATIENCE
from .product import CONFIG

if TYPE_CHECKING:
    from .conftest import OpenSite

pytestmark = pytest.mark.acceptance


def test_a_result_is_told_by_another_process_when_the_one_that_had_it_is_killed(
    open_site: OpenSite, database_url: str, ntfy_server: Any
) -> None:
    site = open_site(database_url, {"DU1": "alpha"})
    ntfy_server.answers.clear()
    service = site.start(NOTIFICATION_URLS=ntfy_server.address())
    event_id = site.enqueue("DU1")
    site.until_ended("DU1")
    # The outcome is recorded, and nobody has taken its message.
    lost = ntfy_server.next_post(PATIENCE).body
    assert lost["title"] == "Rebalanced DU1 (alpha)"
    (letter,) = site.store.outbox.open()
    service.kill_all()

    ntfy_server.answers.set()
    successor = site.start("ingest", NOTIFICATION_URLS=ntfy_server.address())
    assert ntfy_server.next_post(PATIENCE).body == lost
    site.until(lambda: site.store.outbox.open() == ())
    assert successor.stop() == 0
    with pytest.raises(Empty):
        ntfy_server.posts.get_nowait()
    assert letter.sender is not None
    assert site.store.events.get(event_id).state is EventState.DONE
    site.assert_all_is_well()


def test_a_result_that_is_delivered_is_not_told_again(
    open_site: OpenSite, sqlite_url: str, ntfy_server: Any
) -> None:
    site = open_site(sqlite_url, {"DU1": "alpha"})
    service = site.start(NOTIFICATION_URLS=ntfy_server.address())
    site.enqueue("DU1")
    site.until_ended("DU1")
    ntfy_server.next_post(PATIENCE)
    site.until(lambda: site.store.outbox.open() == ())
    service.kill_all()
    successor = site.start(NOTIFICATION_URLS=ntfy_server.address())
    site.enqueue("DU1")
    site.until_ended("DU1", events=2)
    assert ntfy_server.next_post(PATIENCE).body["title"] == "Nothing to trade in DU1 (alpha)"
    assert successor.stop() == 0
    with pytest.raises(Empty):
        ntfy_server.posts.get_nowait()


def test_a_service_that_ends_slowly_still_settles_what_it_tells(
    open_site: OpenSite, sqlite_url: str, ntfy_server: Any
) -> None:
    patient = CONFIG + "executor: {shutdown_grace_seconds: 120}\n"
    site = open_site(sqlite_url, {"DU1": "alpha", "DU2": "alpha"}, patient)
    ntfy_server.answers.clear()
    service = site.start(NOTIFICATION_URLS=ntfy_server.address())
    site.enqueue("DU1")
    site.until_ended("DU1")
    ntfy_server.next_post(PATIENCE)
    site.broker.let_fill("BBB", FillPolicy.never())
    site.enqueue("DU2")
    site.broker.until_ordered("DU2", Side.SELL)
    service.signal(signal.SIGTERM)
    service.until("worker.finishing")
    assert len(site.store.outbox.open()) == 1
    ntfy_server.answers.set()
    site.until(lambda: site.store.outbox.open() == ())
    (running,) = site.events("DU2")
    assert running.state is EventState.RUNNING
    site.broker.let_fill("BBB", None)
    assert service.end() == 0
    assert site.store.outbox.open() == ()
