"""A disk that is full or cannot be written to: said in words, and no event counts as done."""

from __future__ import annotations

import os
import resource
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from app.events import EventState
from simulated_exchange import FillPolicy, Side

from .product import until_run_has_ended
from .witness import Witness

if TYPE_CHECKING:
    from .conftest import OpenSite, Site
    from .product import Service

pytestmark = pytest.mark.acceptance

ACCOUNTS = {"DU1": "alpha", "DU2": "alpha"}
#: So that root may not write where others may not.
_AS_ANYBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")


def let_files_grow(service: Service, to: int, *, its_own: bool = True) -> None:
    """No file of the service, its fork server and their children grows beyond so many bytes.

    Without `its_own` the service itself is left out.
    """
    # What is being forked meanwhile would keep the limit of before.
    with service.standing_still() as processes:
        for process in processes[0 if its_own else 1 :]:
            with suppress(psutil.NoSuchProcess):
                process.rlimit(psutil.RLIMIT_FSIZE, (to, resource.RLIM_INFINITY))


def fill_the_disk_while_selling(site: Site, *, its_own: bool = True) -> Service:
    """DU1 has sent its sells, DU2 has yet to begin; there is no room left, and the sells fill."""
    site.broker.let_fill("BBB", FillPolicy.never())
    service = site.start("worker")
    service.until("service.started")
    site.enqueue("DU1")
    site.broker.until_ordered("DU1", Side.SELL)
    let_files_grow(service, 1, its_own=its_own)
    site.enqueue("DU2")
    site.broker.let_fill("BBB", None)
    return service


def test_a_full_disk_under_the_store_ends_no_event_and_all_go_on_when_there_is_room(
    open_site: OpenSite, sqlite_url: str
) -> None:
    site = open_site(sqlite_url, ACCOUNTS)
    service = fill_the_disk_while_selling(site)
    until_run_has_ended(site.home, "DU1")
    said = service.until("worker.store_unavailable")["error"]
    assert "events.db is not usable now" in said
    assert "nothing was recorded" in said
    states = {event.account_id: event.state for event in site.events()}
    assert states == {"DU1": EventState.RUNNING, "DU2": EventState.QUEUED}
    assert site.broker.ask(Witness.untouched, "DU2")
    let_files_grow(service, resource.RLIM_INFINITY)
    site.until_ended()
    site.assert_all_is_well()


def test_a_full_disk_under_the_journals_parks_events_and_they_go_on_when_a_person_wants(
    open_site: OpenSite, sqlite_url: str
) -> None:
    site = open_site(sqlite_url, ACCOUNTS)
    service = fill_the_disk_while_selling(site, its_own=False)
    site.until_ended()
    for event in site.events():
        assert event.state is EventState.NEEDS_ATTENTION
        assert event.error is not None
        assert f"{event.account_id}.jsonl cannot be written" in event.error
        assert "free some space" in event.error
    assert site.broker.ask(Witness.untouched, "DU2")
    let_files_grow(service, resource.RLIM_INFINITY)
    for event in site.events():
        site.store.events.requeue(event.event_id)
    site.until_ended()
    site.assert_all_is_well()


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None,
    reason="root may write everywhere, and there is no setpriv to take that away",
)
def test_a_data_directory_that_cannot_be_written_to_is_named_and_the_service_does_not_start(
    open_site: OpenSite, sqlite_url: str
) -> None:
    site = open_site(sqlite_url, {"DU1": "alpha"})
    site.enqueue("DU1")
    state = site.home / "data" / "simulation"
    state.mkdir()
    state.chmod(0o555)
    try:
        service = site.start("worker", wrapper=_AS_ANYBODY if os.geteuid() == 0 else ())
        assert service.end() == 2
    finally:
        state.chmod(0o755)
    assert f"{state}" in service.words
    assert "must be a directory that this user can write to. Nothing was sent." in service.words
    assert [event.state for event in site.events()] == [EventState.QUEUED]
    site.start("worker")
    site.until_ended()
    site.assert_all_is_well()
