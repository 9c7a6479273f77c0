"""The store: one object with the tables' tenants, and the way to open it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from sqlalchemy import Connection, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError

from app.store.client_ids import ClientIds
from app.store.clock import Clock
from app.store.controls import Controls, MarketOpenList, Schedules
from app.store.database import Database
from app.store.dialects import Dialect, dialect_of
from app.store.errors import StoreError, StoreTooNew
from app.store.events import Events
from app.store.feeds import Feeds
from app.store.journal import Journal
from app.store.messages import Messages
from app.store.migrations import REVISIONS
from app.store.outbox import Outbox
from app.store.runs import Previews, Runs
from app.store.schema import store_mode
from app.store.workers import Workers

P = ParamSpec("P")
T = TypeVar("T")

#: A worker that is killed is replaced after this and at most one interval of sweeps. Workers beat
#: every second, so three beats may be late or lost.
LEASE = timedelta(seconds=4)
#: Threads for callers on an event loop; more than a database can use at once.
_THREADS = 8


class Store:
    """Everything that must survive; safe to use from any thread."""

    def __init__(self, dialect: Dialect, *, lease: timedelta) -> None:
        self._database = Database(dialect)
        self.wake = self._database.wake
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
        self.place = dialect.place
        self.is_shared = dialect.is_shared
        self.events = Events(self._database, lease=lease)
        self.messages = Messages(self._database)
        self.feeds = Feeds(self._database)
        self.runs = Runs(self._database)
        self.previews = Previews(self._database)
        self.controls = Controls(self._database)
        self.market_open = MarketOpenList(self._database)
        self.schedules = Schedules(self._database)
        self.workers = Workers(self._database)
        self.client_ids = ClientIds(self._database)
        self.journal = Journal(self._database)
        self.outbox = Outbox(self._database)

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`await store.call(store.events.enqueue, new)`: run on a thread of the store.

        Cancelling the caller does not stop what has begun: it is committed or fails as a whole.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(work, *args, **kwargs))

    def close(self) -> None:
        self.wake.close()
        self._threads.shutdown()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def migrate(self) -> None:
        """Bring the schema up to date; costs one query when it is."""
        if self._database.read(_is_behind):
            self._database.migrate(_upgrade)

    def keep_to(self, mode: str) -> None:
        """Be the store of this trading mode for good; raises `StoreError` in another one.

        A message is dispatched once and an account has one queue, so a live service would take a
        paper one's work away, and a simulation would leave its events to the market.
        """
        kept = self._database.read(_mode) or self._database.write_quietly(_set_mode, mode)
        if kept != mode:
            raise StoreError(
                f"the store {self.place} is for TRADING_MODE={kept}, and this is {mode}: give each "
                "mode a database of its own (DATABASE_URL). Nothing was changed"
            )


def open_store(
    database_url: str,
    *,
    mode: str | None = None,
    lease: timedelta = LEASE,
    clock: Clock | None = None,
) -> Store:
    """The store at `sqlite:///PATH` or `postgresql://...`, created or migrated as needed.

    It is for one trading mode; with None it is opened whatever its mode is. `clock` replaces the
    engine's own.

    Raises `StoreUnavailable`, `StoreDamaged`, `StoreTooNew`, and `StoreError` for another URL or
    the store of another mode.
    """
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise StoreError("DATABASE_URL is not a URL: sqlite:///PATH or postgresql://...") from error
    store = Store(dialect_of(url, clock), lease=lease)
    try:
        store.migrate()
        if mode is not None:
            store.keep_to(mode)
    except BaseException:
        store.close()
        raise
    return store


def _is_behind(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return True
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision is not None and revision not in REVISIONS:
        raise StoreTooNew(
            f"the store has schema {revision} and this program knows up to {REVISIONS[-1]}: "
            "run the newer program, nothing was changed"
        )
    return revision != REVISIONS[-1]


def _upgrade(connection: Connection) -> None:
    from app.store.migrations.upgrade import upgrade  # alembic costs 0.2 s: only when it is needed

    if _is_behind(connection):  # nobody else did it while we waited for the lock
        upgrade(connection)


def _mode(connection: Connection) -> str | None:
    return connection.execute(select(store_mode.c.trading_mode)).scalar()


def _set_mode(connection: Connection, mode: str) -> str:
    kept = _mode(connection)  # somebody else may have been faster
    if kept is None:
        connection.execute(store_mode.insert().values(singleton=True, trading_mode=mode))
    return kept or mode
