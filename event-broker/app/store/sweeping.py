"""When a lease that looks expired may be trusted to be.

A worker prolongs its leases every second. When the database was down, or its clock jumped, leases
look expired although their workers are alive; one and a half leases later the living have prolonged
theirs.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, Select, exists, select

from app.events import Event
from app.store import leases
from app.store.database import Database
from app.store.dialects import Dialect
from app.store.statements import made_once
from app.store.wake import Topic

#: How far two clocks may drift apart between two sweeps, about a second, without one having jumped.
_DRIFT = 0.5


class Grace:
    """Times at which nothing is swept. Pure: every time is given, in seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._no_sweep_before = float("-inf")
        self._offset: float | None = None

    def outage(self, at: float) -> None:
        """The database could not be used at this time of our own clock."""
        self._no_sweep_before = max(self._no_sweep_before, at + self.seconds)

    def is_over(self, *, own: float, database: float) -> bool:
        """Whether to trust the leases now, by our own clock and by the one that leases run on."""
        offset = database - own
        if self._offset is not None and abs(offset - self._offset) > _DRIFT:
            self.outage(own)
        self._offset = offset
        return own >= self._no_sweep_before


class Sweeper:
    """Puts events back whose workers have vanished."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        self._do = database
        self._dialect = database.dialect
        self._lease = lease * 1.5
        self._grace = Grace(self._lease.total_seconds())

    def sweep(self) -> tuple[Event, ...]:
        found, clock = self._do.read(self._look)
        if self._do.outage_noticed_at is not None:
            self._grace.outage(self._do.outage_noticed_at)
        if not self._grace.is_over(own=self._dialect.clock.boot(), database=clock) or not found:
            return ()
        return self._do.write(Topic.EVENTS, leases.sweep, self._dialect, self._lease)

    def _look(self, connection: Connection) -> tuple[bool, float]:
        """Whether there is anything to put back, and the time on the clock of leases.

        Looking is cheap and keeps nobody from writing.
        """
        found, clock = connection.execute(_look(self._dialect, self._lease)).one()
        return found, clock


@made_once
def _look(dialect: Dialect, grace: timedelta) -> Select[bool, float]:
    return select(exists().where(leases.expired(dialect, grace)), dialect.clock.lease())
