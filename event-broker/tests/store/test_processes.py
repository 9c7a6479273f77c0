"""Several processes and threads on one store: nothing is lost, nothing is done twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from app.events import AttemptOutcome, EventState, LeaseLost
from app.store import LEASE, Store, open_store
from app.store.testing import (
    AdjustableClock,
    arrival,
    assert_every_event_ended_once,
    claimed,
    hold_a_claim,
    work_off,
)

_CONTEXT = multiprocessing.get_context("spawn")
_PATIENCE = 30


@contextmanager
def somebody_with_a_claim(url: str) -> Iterator[tuple[SpawnProcess, Pipe, str]]:
    """A process that holds a claim until it is told to go on."""
    here, there = _CONTEXT.Pipe()
    process = _CONTEXT.Process(daemon=True, target=hold_a_claim, args=(url, "elsewhere", there))
    process.start()
    there.close()
    assert here.poll(_PATIENCE)
    yield process, here, here.recv()
    process.kill()
    process.join(_PATIENCE)


def test_opening_a_store_twice_in_a_process_keeps_its_locks(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Whoever opens and closes the file itself drops them, and others overwrite what we write."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0);"
        "print(c.execute('PRAGMA journal_mode = DELETE').fetchone())"
    )
    with open_store(sqlite_url) as store:
        store.events.enqueue(arrival())
        open_store(sqlite_url).close()
        intruder = subprocess.run(
            [sys.executable, "-c", program, tmp_path / "events.db"], capture_output=True, text=True
        )
        assert "database is locked" in intruder.stderr


@pytest.fixture
def working(store: Store, clock: AdjustableClock) -> Store:
    """A store with one event."""
    store.events.enqueue(arrival())
    return store


def test_the_event_of_a_killed_process_runs_again_once(
    working: Store, database_url: str, clock: AdjustableClock
) -> None:
    with somebody_with_a_claim(database_url) as (process, _, event_id):
        process.kill()
        process.join(_PATIENCE)
        assert working.events.claim("here") is None
        clock.advance(LEASE + timedelta(seconds=1))
        assert [event.worker for event in working.events.sweep()] == ["elsewhere"]
        again = claimed(working, "here")
        assert again.event.event_id == event_id
        working.events.finish(again, {})
    outcomes = [attempt.outcome for attempt in working.events.attempts(event_id)]
    assert outcomes == [AttemptOutcome.LEASE_EXPIRED, AttemptOutcome.DONE]
    assert_every_event_ended_once(working)


def test_a_process_that_slept_past_its_lease_changes_nothing(
    working: Store, database_url: str, clock: AdjustableClock
) -> None:
    with somebody_with_a_claim(database_url) as (process, pipe, event_id):
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        clock.advance(LEASE + timedelta(seconds=1))
        working.events.sweep()
        again = claimed(working, "here")
        before = working.events.get(event_id)
        os.kill(process.pid, signal.SIGCONT)
        pipe.send("go on")
        assert pipe.poll(_PATIENCE)
        assert pipe.recv() == ["LeaseLost", "LeaseLost"]
        assert working.events.get(event_id) == before
    working.events.finish(again, {"by": "here"})
    assert working.events.get(event_id).result == {"by": "here"}
    assert_every_event_ended_once(working)


def test_a_process_that_slept_for_less_than_its_lease_goes_on(
    working: Store, database_url: str
) -> None:
    with somebody_with_a_claim(database_url) as (process, pipe, event_id):
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        working.events.sweep()
        os.kill(process.pid, signal.SIGCONT)
        pipe.send("go on")
        assert pipe.poll(_PATIENCE)
        assert pipe.recv() == []
    assert working.events.get(event_id).state is EventState.DONE


def test_processes_share_the_work(store: Store, database_url: str) -> None:
    processes = [
        _CONTEXT.Process(daemon=True, target=work_off, args=(database_url, f"w{n}", 20, 9, LEASE))
        for n in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(_PATIENCE)
        assert process.exitcode == 0
    events = store.events.list(limit=1000)
    assert {event.source_ref for event in events} == {
        f"w{n}/{i}" for n in range(4) for i in range(20)
    }
    assert len(events) == 80
    assert_every_event_ended_once(store)


def test_threads_share_the_work(store: Store, database_url: str) -> None:
    """All on one store, for merges that race with claims, retries and other arrivals."""
    failures: list[BaseException] = []

    def work(worker: str) -> None:
        try:
            for number in range(12):
                store.events.enqueue(arrival(f"DU{number % 2}", source_ref=f"{worker}/{number}"))
                if (claim := store.events.claim(worker)) is None:
                    continue
                if number % 3:
                    store.events.finish(claim, {})
                else:
                    store.events.retry(claim, "no", timedelta(0))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
    assert failures == []
    work_off(database_url, "last", 0, 1, LEASE)
    assert len(store.events.list(limit=1000)) == 48
    assert_every_event_ended_once(store)


def test_one_of_many_that_claim_at_once_gets_the_event(store: Store) -> None:
    store.events.enqueue(arrival())
    barrier = threading.Barrier(6)
    claims = []

    def claim(worker: str) -> None:
        barrier.wait(_PATIENCE)
        claims.append(store.events.claim(worker))

    threads = [threading.Thread(target=claim, args=(f"t{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
    (won,) = [one for one in claims if one is not None]
    assert store.events.finish(won, {}).state is EventState.DONE


def test_two_stores_never_run_an_account_at_the_same_time(store: Store, database_url: str) -> None:
    """A command at a terminal while the service runs."""
    mine = store.events.enqueue(arrival())
    with open_store(database_url) as service:
        running = claimed(service, "service")
        theirs = store.events.enqueue(arrival())
        assert store.events.claim("cli", event_id=theirs.event_id) is None
        service.events.finish(running, {})
    claim = store.events.claim("cli", event_id=theirs.event_id)
    assert claim is not None
    assert mine.event_id == running.event.event_id
    with pytest.raises(LeaseLost):
        store.events.finish(claim.__class__(event=claim.event, token="0", lease_until=0), {})
