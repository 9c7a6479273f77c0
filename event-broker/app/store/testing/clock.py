"""The engine's own clock, put forward or back by a test."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Double, make_url

from app.store.clock import After, Clock, span, when_it_runs
from app.store.dialects import dialect_of

_NOW = timedelta(0)


class AdjustableClock:
    """Runs like the clock inside, with what was added to each of its times."""

    def __init__(self, database_url: str) -> None:
        self._inner: Clock = dialect_of(make_url(database_url)).clock
        self.lease_clock = self._inner.lease_clock
        self._wall = self._lease = self._boot = _NOW
        #: Older than any grace after a restart, as a server usually is.
        self._uptime = timedelta(hours=1)

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._wall += by
        self._lease += by
        self._boot += by
        self._uptime += by

    def set_wall(self, by: timedelta) -> None:
        """Somebody sets the calendar time."""
        self._wall += by

    def set_database(self, by: timedelta) -> None:
        """Somebody sets the clock of the database's machine."""
        self._wall += by
        self._lease += by

    def restart_database(self) -> None:
        """Its server was started this very moment."""
        self._uptime = _NOW

    def now(self, after: After = _NOW) -> ColumnElement[datetime]:
        return self._inner.now(lambda: span(after) + self._wall)

    def lease(self, after: After = _NOW) -> ColumnElement[float]:
        return self._inner.lease(lambda: span(after) + self._lease)

    def uptime(self) -> ColumnElement[float]:
        return when_it_runs(lambda: self._uptime.total_seconds(), Double)

    def boot(self) -> float:
        return self._inner.boot() + self._boot.total_seconds()
