"""All that differs between SQLite and PostgreSQL.

A dialect is given a URL and makes the engine; it says where the next place in the queue is, how
other processes hear of a change, and what a driver's error means for the caller. Everything else is
one code path.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from sqlalchemy import (
    JSON,
    URL,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Sequence,
    String,
    Subquery,
    column,
    create_engine,
    event,
    func,
    literal,
    select,
)
from sqlalchemy.exc import DBAPIError

from app import file_lock
from app.store.clock import Clock, DatabaseClock, MachineClock
from app.store.errors import StoreDamaged, StoreError, StoreUnavailable
from app.store.schema import events
from app.store.wake import FifoWakeUps, WakeUps

if TYPE_CHECKING:
    # Only a store on a server needs its driver.
    import psycopg

#: Seconds that a writer waits for writers of other processes; a transaction takes milliseconds.
_BUSY_SECONDS = 10
#: Execution option: how a transaction begins, in SQLite's words; one that only reads is deferred.
BEGIN = "store_begin"
_DEFERRED = "DEFERRED"
#: Enough for all threads of a process, so that none is opened anew for each use; the one that was
#: used last has its statements prepared.
_POOL: Mapping[str, Any] = {"pool_size": 12, "pool_use_lifo": True}
#: Any constant: who migrates holds this advisory lock.
_MIGRATION_LOCK = 0x72656261


class Dialect(Protocol):
    """One database engine."""

    clock: Clock
    #: For people: where the store is, without a password.
    place: str
    #: Whether other machines may use it as well.
    is_shared: bool
    #: Held by a writing transaction of this process.
    writer: AbstractContextManager[object]

    def create_engine(self) -> Engine: ...

    def next_seq(self) -> ColumnElement[int]:
        """The place at the back of the queue."""

    def rows_of(self, texts: list[str]) -> Subquery:
        """Rows of `number`, from 1, and `text`; one statement for any number of them."""

    def wake_ups(self, engine: Engine) -> WakeUps:
        """How other processes hear of a change."""

    def lock_for_migration(self, connection: Connection) -> None:
        """Let nobody else migrate until the transaction ends."""

    def lost_a_race(self, error: DBAPIError) -> bool:
        """Whether the transaction failed only because another one was faster."""

    def explain(self, error: DBAPIError, *, committing: bool) -> StoreError | None:
        """What the error means for the caller; None when it is a defect of the program."""


class Sqlite:
    """One file of this machine."""

    is_shared = False
    _ADVICE: ClassVar = {
        sqlite3.SQLITE_FULL: "the disk is full: make room",
        sqlite3.SQLITE_READONLY: "it may not be written: allow this user to write the directory",
        sqlite3.SQLITE_CANTOPEN: "it cannot be opened: the directory must exist and be writable",
        sqlite3.SQLITE_IOERR: "the disk reports an error: check its space and its health",
        sqlite3.SQLITE_PERM: "it may not be accessed: give the file to this user",
        sqlite3.SQLITE_BUSY: "another program holds its lock: find out which one and end it",
        sqlite3.SQLITE_LOCKED: "another program holds its lock: find out which one and end it",
    }
    _DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
    _RACES = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})

    def __init__(self, url: URL, clock: Clock | None = None) -> None:
        if not url.database or url.database == ":memory:":
            raise StoreError("a store needs a file: sqlite:///PATH")
        self.clock: Clock = clock or MachineClock()
        self.path = Path(url.database)
        self.place = str(self.path)
        self.writer: AbstractContextManager[object] = threading.Lock()
        self._url = url

    def create_engine(self) -> Engine:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Private, for it holds what is in people's accounts. Made without being opened: closing
            # a file drops the locks that SQLite holds on it in this process, and damages it.
            os.mknod(self.path, stat.S_IFREG | 0o600)
        except FileExistsError:
            pass
        except OSError as error:
            raise StoreUnavailable(f"the store {self.path} cannot be opened: {error}") from error
        engine = create_engine(self._url, connect_args={"timeout": _BUSY_SECONDS}, **_POOL)
        event.listen(engine, "connect", self._prepare)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where _begin_sqlite says
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            # Of two that switch it in the same moment SQLite lets one fail at once.
            lock = self.path.with_name(f"{self.path.name}.lock")
            try:
                with file_lock.held(lock, _BUSY_SECONDS):
                    connection.execute("PRAGMA journal_mode = WAL")
            except (file_lock.StillLocked, OSError) as error:
                raise StoreUnavailable(
                    f"the store {self.path} cannot be opened: {error}"
                ) from error
        # NORMAL may lose the last commits on power loss: an acknowledged event must not be lost.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    def next_seq(self) -> ColumnElement[int]:
        return select(func.coalesce(func.max(events.c.seq), 0) + 1).scalar_subquery()

    def rows_of(self, texts: list[str]) -> Subquery:
        columns = column("key", Integer), column("value", String)
        rows = func.json_each(json.dumps(texts)).table_valued(*columns)
        return select((rows.c.key + 1).label("number"), rows.c.value.label("text")).subquery()

    def wake_ups(self, engine: Engine) -> WakeUps:
        return FifoWakeUps(self.path.with_name(f"{self.path.name}.wake"))

    def lock_for_migration(self, connection: Connection) -> None:
        """The transaction began as EXCLUSIVE."""

    def lost_a_race(self, error: DBAPIError) -> bool:
        return _sqlite_code(error) in self._RACES

    def explain(self, error: DBAPIError, *, committing: bool) -> StoreError | None:
        extended = _sqlite_code(error)
        code = extended & 0xFF
        if code in self._DAMAGED:
            return StoreDamaged(
                f"the store {self.path} is damaged ({error.orig}); it was left as it is: "
                "move it away or restore it from a backup"
            )
        if code not in self._ADVICE:
            return None
        unknown = committing and extended == sqlite3.SQLITE_IOERR_FSYNC
        message = f"the store {self.path} is not usable now ({error.orig}); {self._ADVICE[code]}"
        return StoreUnavailable(message, recorded=None if unknown else False)


def _begin_sqlite(connection: Connection) -> None:
    kind = connection.get_execution_options().get(BEGIN, _DEFERRED)
    connection.exec_driver_sql(f"BEGIN {kind}")


def _sqlite_code(error: DBAPIError) -> int:
    return getattr(error.orig, "sqlite_errorcode", 0)


class Postgres:
    """A server that several machines may share."""

    is_shared = True
    _ADVICE: ClassVar = {
        "53100": "its disk is full: make room",
        "53300": "it has too many clients: raise max_connections",
        "28P01": "it refuses the password: check DATABASE_URL",
        "28000": "it refuses the user: check DATABASE_URL",
        "3D000": "it has no such database: create it or check DATABASE_URL",
        "25006": "it is read-only: check that DATABASE_URL names the primary server",
        "25P03": "this process stood still in the midst of a transaction, which was taken back",
    }
    #: Unique violation, serialization failure, deadlock.
    _RACES = frozenset({"23505", "40001", "40P01"})
    #: A black-holed server is noticed in seconds, not after the kernel's two hours.
    _CONNECTION: ClassVar = {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }

    def __init__(self, url: URL, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or DatabaseClock()
        # Without the query: a password may be there as well.
        self.place = url.set(query={}).render_as_string(hide_password=True)
        self.writer: AbstractContextManager[object] = nullcontext()
        self.url = url.set(drivername="postgresql+psycopg")

    def create_engine(self) -> Engine:
        engine = create_engine(self.url, connect_args=self._CONNECTION, **_POOL)
        event.listen(engine, "connect", _prepare_postgres)
        event.listen(engine, "begin", _begin_postgres)
        return engine

    def next_seq(self) -> ColumnElement[int]:
        return Sequence("events_seq").next_value()

    def rows_of(self, texts: list[str]) -> Subquery:
        rows = func.json_array_elements_text(literal(texts, JSON))
        numbered = rows.table_valued(column("text", String), with_ordinality="number")
        return select(*numbered.render_derived().c).subquery()

    def wake_ups(self, engine: Engine) -> WakeUps:
        from app.store.notifications import PostgresWakeUps

        return PostgresWakeUps(engine, self._CONNECTION)

    def lock_for_migration(self, connection: Connection) -> None:
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))

    def lost_a_race(self, error: DBAPIError) -> bool:
        return _sqlstate(error) in self._RACES

    def explain(self, error: DBAPIError, *, committing: bool) -> StoreError | None:
        from psycopg import InterfaceError, OperationalError

        state = _sqlstate(error)
        usual = isinstance(error.orig, OperationalError | InterfaceError)
        if not usual and state not in ("25006", "25P03"):
            return None
        unknown = committing and error.connection_invalidated
        first_line = str(error.orig).partition("\n")[0]
        advice = self._ADVICE.get(state, "the server must be up and reachable")
        message = f"the store {self.place} is not usable now ({first_line}); {advice}"
        return StoreUnavailable(message, recorded=None if unknown else False)


def _prepare_postgres(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.autocommit = True  # transactions begin where _begin_postgres says
    # A process that is stopped within a transaction would keep its rows locked, and with them its
    # account, for as long as it is not killed.
    connection.execute("SET idle_in_transaction_session_timeout = '5s'")


def _begin_postgres(connection: Connection) -> None:
    # Each statement sees what is committed by then, inside of a transaction and outside: what only
    # reads need not begin and end one, which takes longer than the statement.
    if connection.get_execution_options().get(BEGIN, _DEFERRED) != _DEFERRED:
        connection.exec_driver_sql("BEGIN")


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def dialect_of(url: URL, clock: Clock | None = None) -> Dialect:
    """Raises StoreError for an engine that is not supported."""
    match url.get_backend_name():
        case "sqlite":
            return Sqlite(url, clock)
        case "postgresql" | "postgres":
            return Postgres(url, clock)
        case other:
            raise StoreError(f"a store is sqlite:///PATH or postgresql://..., not {other}")
