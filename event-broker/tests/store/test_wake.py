"""Who waits for a change is woken: in this process, by others, and after the server was away."""

from __future__ import annotations

import os
import queue
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.store import Store, Topic, open_store
from app.store.records import Message, MessageOrigin
from app.store.testing import arrival, claimed
from app.store.wake import FifoWakeUps

#: Far above what a wake-up takes, below the patience of a person.
_PATIENCE = 20


class Bell:
    """Counts wake-ups and waits for the next."""

    def __init__(self) -> None:
        self.rung = queue.SimpleQueue[str]()

    def __call__(self) -> None:
        self.rung.put(threading.current_thread().name)

    def wait(self) -> str:
        return self.rung.get(timeout=_PATIENCE)

    def forget(self) -> None:
        """What has come so far."""
        with suppress(queue.Empty):
            while True:
                self.rung.get_nowait()

    def settle(self, store: Store) -> None:
        """Take what is under way, up to an answer to a change of our own."""
        store.events.enqueue(arrival("SETTLE"))
        while self.rung.get(timeout=_PATIENCE) != threading.current_thread().name:
            pass


def record_a_message(store: Store, number: int) -> None:
    message = Message(
        channel="growth",
        message_id=f"m{number}",
        timestamp=datetime(2026, 11, 23, 15, tzinfo=UTC),
        raw="{}",
        origin=MessageOrigin.LIVE,
    )
    store.messages.record(message)


#: Something that happens again and again, by its topic.
CHANGES: dict[Topic, Callable[[Store, int], object]] = {
    Topic.MESSAGES: record_a_message,
    Topic.EVENTS: lambda store, number: store.events.enqueue(arrival(f"DU{number}")),
    Topic.RECORDS: lambda store, _: store.previews.record("DU1", {}),
}


def test_a_change_wakes_this_process_at_once(store: Store) -> None:
    bell = Bell()
    store.wake.subscribe(bell)
    store.events.enqueue(arrival())
    bell.settle(store)


def test_what_nobody_waits_for_wakes_nobody(store: Store) -> None:
    store.events.enqueue(arrival())
    bell = Bell()
    store.wake.subscribe(bell)
    bell.settle(store)
    claim = claimed(store)
    assert store.events.claim("worker", event_id="nothing") is None
    store.events.heartbeat(claim)
    store.events.sweep()
    while not bell.rung.empty():  # PostgreSQL wakes once when it begins to listen
        assert bell.wait() == "store-wake-ups"


def test_a_change_by_another_process_wakes(store: Store, database_url: str) -> None:
    bell = Bell()
    store.wake.subscribe(bell)
    bell.settle(store)
    program = (
        "import sys; from app.store import open_store; from app.store.testing import arrival;"
        "s = open_store(sys.argv[1]); s.events.enqueue(arrival('OTHER')); s.close()"
    )
    other = subprocess.Popen([sys.executable, "-c", program, database_url])
    assert bell.wait() == "store-wake-ups"
    assert other.wait(_PATIENCE) == 0
    assert store.events.list()[0].account_id == "OTHER"


@pytest.mark.parametrize("topic", Topic)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_change_wakes_only_who_waits_for_its_kind(
    store: Store, database_url: str, topic: Topic, elsewhere: bool
) -> None:
    bells = {each: Bell() for each in Topic}
    for each, bell in bells.items():
        store.wake.subscribe(bell, {each})
    with open_store(database_url) as other:

        def rung_by_two_changes(turn: int) -> set[Topic]:
            for bell in bells.values():
                bell.forget()
            for number in (turn, -turn):  # by the second, all that the first one woke were told
                CHANGES[topic](other if elsewhere else store, number)
                bells[topic].wait()
            return {topic, *(each for each, bell in bells.items() if not bell.rung.empty())}

        # PostgreSQL wakes everybody once, when it begins to listen.
        assert {topic} in (rung_by_two_changes(turn) for turn in (1, 2, 3))


def test_two_stores_of_a_process_wake_each_other(store: Store, database_url: str) -> None:
    with open_store(database_url) as other:
        here, there = Bell(), Bell()
        store.wake.subscribe(here)
        other.wake.subscribe(there)
        here.settle(store)
        there.settle(other)
        while not here.rung.empty():
            here.wait()
        other.events.finish(claimed(other), {})
        assert here.wait() == "store-wake-ups"


def test_who_ends_a_subscription_is_left_alone(store: Store) -> None:
    once, always = Bell(), Bell()
    leave = store.wake.subscribe(once)
    store.wake.subscribe(always)
    always.settle(store)
    leave()
    while not once.rung.empty():
        once.wait()
    always.settle(store)
    assert once.rung.empty()


def test_a_callback_that_fails_spoils_nothing(store: Store) -> None:
    def fail() -> None:
        raise RuntimeError("the event loop is closed")

    bell = Bell()
    store.wake.subscribe(fail)
    store.wake.subscribe(bell)
    assert not store.events.enqueue(arrival()).merged
    bell.settle(store)


def test_a_store_works_where_nobody_can_be_woken(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "events.db.wake").write_text("a file is in the way")
    bell = Bell()
    with open_store(sqlite_url) as store:
        store.wake.subscribe(bell)
        store.events.enqueue(arrival())
        bell.settle(store)


def test_a_closed_store_leaves_no_thread_and_no_file(sqlite_url: str, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    store = open_store(sqlite_url)
    store.wake.subscribe(Bell())
    assert len(os.listdir(tmp_path / "events.db.wake")) == 1
    store.close()
    assert set(threading.enumerate()) <= before
    assert os.listdir(tmp_path / "events.db.wake") == []


def test_what_a_killed_process_left_is_tidied_up(sqlite_url: str, tmp_path: Path) -> None:
    directory = tmp_path / "events.db.wake"
    directory.mkdir()
    os.mkfifo(directory / "1-gone")
    with open_store(sqlite_url) as store:
        store.events.enqueue(arrival())
    assert os.listdir(directory) == []


def test_a_process_that_can_open_no_more_files_leaves_the_living_alone(tmp_path: Path) -> None:
    bell = Bell()
    listening, telling = FifoWakeUps(tmp_path), FifoWakeUps(tmp_path)
    listening.subscribe(bell)
    first_free = os.dup(0)
    os.close(first_free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The directory gets the last one.
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free + 1, hard))
    try:
        telling.after_commit(Topic.EVENTS)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert bell.rung.empty()
    telling.after_commit(Topic.EVENTS)
    assert bell.wait() == "store-wake-ups"
    listening.close()


def test_a_process_that_does_not_read_does_not_hold_others_up(
    sqlite_url: str, tmp_path: Path
) -> None:
    directory = tmp_path / "events.db.wake"
    directory.mkdir()
    path = directory / "1-asleep"
    os.mkfifo(path)
    asleep = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(asleep, bytes(4096))
    with open_store(sqlite_url) as store:
        assert not store.events.enqueue(arrival()).merged
    os.close(asleep)


async def test_an_event_loop_calls_the_store_on_its_threads(store: Store) -> None:
    enqueued = await store.call(store.events.enqueue, arrival())
    claim = await store.call(store.events.claim, "worker", event_id=enqueued.event_id)
    assert claim is not None
    assert claim.event.event_id == enqueued.event_id
