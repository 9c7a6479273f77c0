"""The database is away, full or not to be written: a clear error, and nothing is lost."""

from __future__ import annotations

import multiprocessing
import resource
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from app.events import EventState
from app.store import StoreUnavailable, open_store
from app.store.database import Database
from app.store.dialects import Sqlite, dialect_of
from app.store.testing import (
    PostgresServer,
    arrival,
    assert_every_event_ended_once,
    claimed,
    work_off,
)

_PATIENCE = 30
_CONTEXT = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of our own to be killed."""
    with (
        tempfile.TemporaryDirectory(prefix="killed-postgres-") as directory,
        PostgresServer(Path(directory) / "data") as server,
    ):
        yield server


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size`, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_nothing_is_lost_or_done_twice_when_the_server_is_killed(server: PostgresServer) -> None:
    lease = timedelta(seconds=4)
    with open_store(server.url, lease=lease) as store:
        done = threading.Event()
        processes = [
            _CONTEXT.Process(daemon=True, target=work_off, args=(server.url, f"w{n}", 20, 8, lease))
            for n in range(3)
        ]
        store.wake.subscribe(done.set)
        for process in processes:
            process.start()
        assert done.wait(_PATIENCE)  # in the midst of it
        server.kill()
        with pytest.raises(StoreUnavailable, match="nothing was recorded"):
            store.events.enqueue(arrival())
        server.start_again()
        for process in processes:
            process.join(_PATIENCE)
            assert process.exitcode == 0
        events = store.events.list(limit=1000)
        refs = {event.source_ref for event in events}
        assert refs == {f"w{n}/{i}" for n in range(3) for i in range(20)}
        assert_every_event_ended_once(store)


def test_a_store_comes_back_by_itself(server: PostgresServer) -> None:
    woken = threading.Semaphore(0)
    with open_store(server.url) as store, open_store(server.url) as other:
        store.wake.subscribe(woken.release)
        assert woken.acquire(timeout=_PATIENCE)
        store.events.enqueue(arrival("DU1"))
        claim = claimed(store)
        server.kill()
        for attempt in (
            lambda: store.events.finish(claim, {}),
            lambda: store.events.heartbeat(claim),
            lambda: store.events.claim("worker"),
            lambda: store.events.list(),
            lambda: store.messages.undispatched(),
        ):
            with pytest.raises(StoreUnavailable, match="is not usable now"):
                attempt()
        server.start_again()
        assert store.events.finish(claim, {}).state is EventState.DONE
        for account in ("DU2", "DU3"):  # the first may come before it listens again
            while woken.acquire(blocking=False):
                pass
            other.events.enqueue(arrival(account))
            assert woken.acquire(timeout=_PATIENCE)


def test_a_restart_that_nobody_noticed_disturbs_nobody(server: PostgresServer) -> None:
    with open_store(server.url) as store:
        before = store.events.statistics().queue_length
        server.kill()
        server.start_again()
        store.events.enqueue(arrival("NIGHT"))
        assert store.events.statistics().queue_length == before + 1


def test_a_server_ends_the_transaction_of_a_process_that_stands_still(postgres_url: str) -> None:
    database = Database(dialect_of(make_url(postgres_url)))
    limit = "idle_in_transaction_session_timeout"

    def stand_still(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL {limit} = '10ms'")
        server = connection.connection.driver_connection
        assert server is not None
        assert select.select([server.fileno()], [], [], _PATIENCE)[0]  # its last word

    with pytest.raises(StoreUnavailable, match="stood still in the midst of a transaction"):
        database.write_quietly(stand_still)
    assert database.read(lambda c: c.exec_driver_sql(f"SHOW {limit}").scalar()) == "5s"
    database.close()


def test_a_full_disk_acknowledges_nothing(sqlite_url: str, tmp_path: Path) -> None:
    with open_store(sqlite_url) as store:
        store.events.enqueue(arrival("DU1"))
        claim = claimed(store)
        with limited_files((tmp_path / "events.db-wal").stat().st_size):
            for move in (
                lambda: store.events.finish(claim, {}),
                lambda: store.events.heartbeat(claim),
                lambda: store.events.enqueue(arrival("DU2")),
            ):
                with pytest.raises(
                    StoreUnavailable, match=r"events\.db.*nothing was recorded"
                ) as e:
                    move()
                assert e.value.recorded is False
            assert store.events.get(claim.event.event_id).state is EventState.RUNNING
        assert store.events.finish(claim, {}).state is EventState.DONE
        assert store.events.statistics().queue_length == 0


_UNPRIVILEGED = """
import os, pathlib, sys
from app.store import StoreUnavailable, open_store
from app.store.testing import arrival
directory = pathlib.Path(sys.argv[1])
url = f"sqlite:///{directory}/events.db"
store = open_store(url)
store.events.enqueue(arrival("DU1"))
store.close()
directory.chmod(0o555)
os.chmod(directory / "events.db", 0o444)
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    with open_store(url) as store:
        store.events.enqueue(arrival("DU2"))
except StoreUnavailable as error:
    print(error)
"""


def test_a_read_only_directory_is_named() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        ran = subprocess.run(
            [sys.executable, "-c", _UNPRIVILEGED, directory],
            capture_output=True,
            text=True,
            check=True,
        )
        Path(directory).chmod(0o755)
    assert f"{directory}/events.db is not usable now" in ran.stdout
    assert "allow this user to write the directory" in ran.stdout
    assert "nothing was recorded" in ran.stdout


class Crowded(Sqlite):
    """Has one connection for all, and nobody waits for it."""

    def create_engine(self) -> Engine:
        return create_engine(self.url, pool_size=1, max_overflow=0, pool_timeout=0)

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        super().__init__(self.url)


def test_a_store_with_all_connections_in_use_is_not_available_now(sqlite_url: str) -> None:
    database = Database(Crowded(sqlite_url))

    def look(connection: Connection) -> object:
        return connection.execute(text("SELECT 1")).scalar_one()

    def look_again(_: Connection) -> object:
        return database.read(look)

    with pytest.raises(StoreUnavailable, match="no connection free"):
        database.read(look_again)
    assert database.read(look) == 1
    database.close()
