"""The schema: what the database itself refuses, and how a store gets its tables."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import IntegrityError

import app.store
import app.store.testing
from app.store import (
    Store,
    StoreDamaged,
    StoreError,
    StoreTooNew,
    StoreUnavailable,
    open_store,
)
from app.store.dialects import Sqlite
from app.store.indexes import metadata
from app.store.migrations import REVISIONS
from app.store.migrations.upgrade import config
from app.store.records import Message, MessageOrigin, ScheduleMark
from app.store.testing import arrival, claimed, create_database, drop_database


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Somebody who goes to the database directly."""
    url = make_url(database_url)
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/events.db"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"test_empty_{os.getpid()}"
    yield create_database(server, name)
    drop_database(server, name)


def test_the_migrated_schema_is_the_one_in_the_program(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_every_revision_is_known_to_the_program() -> None:
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def test_the_list_of_names_is_sorted_and_true() -> None:
    for package in (app.store, app.store.testing):
        assert package.__all__ == sorted(package.__all__)
        assert all(hasattr(package, name) for name in package.__all__)


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE events SET state = 'running', account_id = 'DU1'", "lease"),
        ("UPDATE events SET state = 'lost'", "state"),
        ("UPDATE events SET state = 'done'", "finished"),
        ("UPDATE events SET state = 'merged', finished_at = created_at", "merged"),
        ("UPDATE events SET account_id = 'DU1'", "account_id"),
        ("UPDATE events SET times_queued = 0", "times_queued"),
        (
            "INSERT INTO attempts (event_id, number, token, worker, started_at)"
            " VALUES ('nobody', 1, 't', 'w', '2026-01-01')",
            "FOREIGN KEY|fk_",
        ),
        (
            "INSERT INTO client_ids VALUES ('DU1', 'trade', 7), ('DU2', 'trade', 7)",
            r"client_ids[._]client_id",
        ),
        (
            "INSERT INTO client_ids VALUES ('DU1', 'trade', 7), ('DU1', 'trade', 8)",
            r"client_ids",
        ),
        (
            "INSERT INTO journal (account_id, seq, token, recorded_at, record, ends_clean) VALUES"
            " ('DU1', 1, 't', '2026-01-01', 'a', false), ('DU1', 1, 't', '2026-01-01', 'b', false)",
            "journal",
        ),
    ],
)
def test_the_database_refuses_what_breaks_the_rules(
    store: Store, connection: Connection, statement: str, rule: str
) -> None:
    store.events.enqueue(arrival("DU1"))
    store.events.enqueue(arrival("DU2"))
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA foreign_keys = ON"))
    with pytest.raises(IntegrityError, match=rule):
        connection.execute(text(statement))


def test_the_database_refuses_a_second_run_of_an_account(
    store: Store, connection: Connection
) -> None:
    for account in ("DU1", "DU2"):
        store.events.enqueue(arrival(account))
        claimed(store)
    with pytest.raises(IntegrityError, match="account_id"):
        connection.execute(text("UPDATE events SET account_id = 'DU1'"))


def test_the_work_of_the_queue_reads_no_history(database_url: str, engine: Engine) -> None:
    """A queue is short and its past is long: every statement goes through an index.

    Looks at the plan of each statement that is sent while events go their way.
    """
    plans: dict[str, str] = {}
    message = Message(
        channel="alpha",
        message_id="a:0",
        timestamp=datetime.now(UTC),
        raw="{}",
        origin=MessageOrigin.LIVE,
    )
    with open_store(database_url) as store:

        def explain(
            connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object
        ) -> None:
            if "events" in statement and not statement.startswith(("INSERT", "EXPLAIN", "SET")):
                how = "EXPLAIN QUERY PLAN"
                if engine.dialect.name == "postgresql":
                    how = "EXPLAIN"
                    # A small table is read whole unless that is forbidden where it can be avoided.
                    connection.exec_driver_sql("SET enable_seqscan = off")
                rows = connection.exec_driver_sql(f"{how} {statement}", parameters)
                plans[statement] = " ".join(str(row[-1]) for row in rows)

        store.messages.record(message)
        (stored,) = store.messages.undispatched()
        event.listen(Engine, "before_cursor_execute", explain)
        try:
            store.events.enqueue(arrival("DU1"))
            claim = store.events.heartbeat(claimed(store))
            store.events.standing(claim.event.event_id, date(2026, 3, 2))
            store.schedules.fire("daily", datetime.now(UTC), arrival("DU2"))
            mark = store.schedules.mark("daily")
            assert mark is not None
            assert mark.event_id is not None
            assert store.schedules.settle("daily", mark.event_id)
            store.messages.dispatch(stored, [arrival("DU1"), arrival("DU2")])
            store.events.retry(claim, "no", timedelta(0))
            store.events.sweep()
            store.events.finish(claimed(store), {})
        finally:
            event.remove(Engine, "before_cursor_execute", explain)
    assert len(plans) >= 10
    scans = {sql: plan for sql, plan in plans.items() if _reads_a_whole_table(plan)}
    assert scans == {}


def _reads_a_whole_table(plan: str) -> bool:
    queue_only = r"SCAN events(?! USING (COVERING )?INDEX (ix_events_queue|uq_events_))"
    return "Seq Scan on events" in plan or re.search(queue_only, plan) is not None


def test_a_new_store_may_be_opened_by_many_at_once(empty_url: str) -> None:
    def use(number: int) -> bool:
        with open_store(empty_url) as store:
            return store.events.enqueue(arrival(f"DU{number}")).merged

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(use, range(4))) == [False] * 4
    with open_store(empty_url) as store:
        assert store.events.statistics().queue_length == 4


def test_connections_to_a_new_file_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    for number in range(40):
        url, together = make_url(f"sqlite:///{tmp_path}/{number}.db"), Barrier(4)

        def connect(_: int, url: URL = url, together: Barrier = together) -> str:
            engine = Sqlite(url).create_engine()
            together.wait(10)
            with engine.connect() as connection:
                mode = connection.execute(text("PRAGMA journal_mode")).scalar()
            engine.dispose()
            return str(mode)

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(connect, range(4))) == ["wal"] * 4


def test_the_store_of_a_newer_program_is_refused(database_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(StoreTooNew, match="schema 9999"):
            open_store(database_url)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE alembic_version SET version_num = '{REVISIONS[-1]}'"))


def test_what_has_fired_is_known_after_the_schema_has_changed(empty_url: str) -> None:
    """An account of the market-open list is not rebalanced a second time by the new program."""
    url = make_url(empty_url)
    if url.database is not None and url.get_backend_name() == "sqlite":
        Path(url.database).parent.mkdir()
    else:
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(config(connection), "0004")
        for statement in (
            "INSERT INTO market_open_list (account_id, added_at, added_by) VALUES"
            " ('DU1', '2026-11-24 12:00:00', 'ann'), ('DU2', '2026-11-24 15:00:00', 'ann'),"
            " ('DU3', '2026-11-24 12:00:00', 'ann')",
            "INSERT INTO schedule_marks VALUES ('market-open DU1', '2026-11-24 14:35:00'),"
            " ('market-open DU2', '2026-11-24 14:35:00'), ('daily', '2026-11-24 14:45:00'),"
            " ('drift-check DU1 at 0 12 * * * UTC', '2026-11-24 12:00:00'),"
            " ('drift-check DU1 at 0 12 * * * UTC judged', '2026-11-23 12:00:00')",
        ):
            connection.execute(text(statement))
    with open_store(empty_url) as store:
        fired = {entry.account_id: entry.fired_at for entry in store.market_open.list()}
        due = datetime(2026, 11, 24, 14, 35, tzinfo=UTC)
        assert fired == {"DU1": due, "DU2": None, "DU3": None}
        assert store.schedules.mark("daily") == ScheduleMark(
            fired_at=due + timedelta(minutes=10), event_id=None
        )
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM schedule_marks ORDER BY name")).scalars()
        assert list(names) == ["daily", "drift-check DU1 at 0 12 * * * UTC"]
    engine.dispose()


def test_a_store_is_for_one_trading_mode(database_url: str) -> None:
    open_store(database_url).close()
    open_store(database_url, mode="paper").close()
    open_store(database_url, mode="paper").close()
    with pytest.raises(StoreError, match="is for TRADING_MODE=paper, and this is live"):
        open_store(database_url, mode="live")
    with pytest.raises(StoreError, match="a database of its own"):
        open_store(database_url, mode="simulation")


def test_a_failed_migration_leaves_nothing_behind(empty_url: str, tmp_path: Path) -> None:
    """Another program's table is in the way of one in the middle of the migration."""
    url = make_url(empty_url)
    if url.database is not None and url.get_backend_name() == "sqlite":
        Path(url.database).parent.mkdir()
    else:
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE previews (mine INTEGER)"))
    with pytest.raises(Exception, match="previews"):
        open_store(empty_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE previews"))
    open_store(empty_url).close()
    engine.dispose()


def test_only_opening_an_outdated_store_loads_alembic(sqlite_url: str) -> None:
    program = (
        "import sys; from app.store import open_store; open_store(sys.argv[1]).close();"
        "print(sorted({'alembic', 'psycopg', 'sqlalchemy.orm', "
        "'sqlalchemy.dialects.postgresql'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, sqlite_url], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_a_file_of_something_else_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"my diary, page 1\n" * 500)
    with pytest.raises(StoreDamaged, match=r"events\.db is damaged.*left as it is|left as it was"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == b"my diary, page 1\n" * 500


def test_a_damaged_store_is_refused_and_kept(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with open_store(sqlite_url) as store:
        for number in range(50):
            store.events.enqueue(arrival(f"DU{number}"))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match=str(path)), open_store(sqlite_url) as store:
        store.events.list()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("sqlite://", StoreError, "needs a file"),
        ("mysql://localhost/x", StoreError, "not mysql"),
        ("no url", StoreError, "DATABASE_URL is not a URL"),
        ("sqlite:////proc/nowhere/events.db", StoreUnavailable, "/proc/nowhere"),
        ("postgresql://u:secret@127.0.0.1:1/x", StoreUnavailable, "127.0.0.1:1/x"),
        ("postgresql://127.0.0.1:1/x?password=secret", StoreUnavailable, "127.0.0.1:1/x"),
    ],
)
def test_an_unusable_url_is_explained_without_its_password(
    url: str, error: type[StoreError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)
