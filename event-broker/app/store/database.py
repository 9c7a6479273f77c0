"""Transactions: one function that is given a connection, committed as a whole or not at all.

Comes in: a function of a connection and its arguments. Goes out: its result, after the commit. A
transaction that lost a race against another one is run again; a database that cannot be used raises
`StoreUnavailable`, and is tried anew by the next transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from app.store.dialects import BEGIN, Dialect
from app.store.errors import StoreUnavailable
from app.store.wake import Topic

P = ParamSpec("P")
T = TypeVar("T")

#: Every lost race means that somebody else went on, so a handful of tries is plenty.
_TRIES = 20


class Database:
    """Runs transactions, from any thread."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._engine = dialect.create_engine()
        self.wake = dialect.wake_ups(self._engine)
        #: By the clock's `boot`: the time of the last failure to use the database.
        self.outage_noticed_at: float | None = None

    def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What `work` finds; it writes nothing."""
        return self._run("DEFERRED", work, *args, **kwargs)

    def write(
        self,
        topic: Topic,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run, commit and wake whoever waits for such a change, unless the result is empty.

        Runs again when it lost a race, so `work` has no effects but its statements.
        """
        result = self._retried(work, *args, **kwargs)
        if result:
            self.wake.after_commit(topic)
        return result

    def write_quietly(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same, for a change that nobody waits for."""
        return self._retried(work, *args, **kwargs)

    def _retried(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        for _ in range(_TRIES):
            try:
                with self.dialect.writer:
                    return self._run("IMMEDIATE", work, *args, **kwargs)
            except DBAPIError as error:
                if not self.dialect.lost_a_race(error):
                    raise
        raise StoreUnavailable(f"the store {self.dialect.place} is too busy")

    def migrate(self, work: Callable[[Connection], T]) -> T:
        """Run alone: no other process changes the schema or, on SQLite, anything."""
        with self.dialect.writer:
            return self._run("EXCLUSIVE", self._locked, work)

    def _locked(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        self.dialect.lock_for_migration(connection)
        return work(connection)

    def _run(
        self,
        begin: str,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Once more when the connection breaks before the commit.

        It may have been dead since the server was restarted last night; asking before each
        transaction would cost more.
        """
        for last_try in (False, True):
            committing = False
            try:
                with self._engine.connect().execution_options(**{BEGIN: begin}) as connection:
                    transaction = connection.begin()
                    result = work(connection, *args, **kwargs)
                    committing = True
                    transaction.commit()
                    return result
            except DBAPIError as error:
                if error.connection_invalidated and not committing and not last_try:
                    continue
                explained = self.dialect.explain(error, committing=committing)
                if explained is None or self.dialect.lost_a_race(error):
                    raise
                self.outage_noticed_at = self.dialect.clock.boot()
                raise explained from error
            except NoFreeConnection as error:
                raise StoreUnavailable(
                    f"the store {self.dialect.place} has no connection free for us"
                ) from error
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        self._engine.dispose()
