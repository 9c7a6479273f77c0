"""What time it is, as SQL expressions: wall-clock time, and the clock that leases run on.

An expression tells the time at which its statement runs, not the one at which it was made.

Leases must not end because somebody set a clock. Several machines share a PostgreSQL server, so
there the server's clock decides. SQLite means one machine, so there it is the machine's monotonic
clock together with the boot that it counts from: a lease of an earlier boot is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Double,
    Interval,
    bindparam,
    cast,
    func,
    literal,
)
from sqlalchemy.types import TypeEngine

from app.store.schema import UtcTime

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NOW = timedelta(0)

After = timedelta | Callable[[], timedelta]
"""How long from now; a function is asked when the statement runs."""


def when_it_runs(value: Callable[[], object], kind: type[TypeEngine[Any]]) -> BindParameter[Any]:
    """A parameter that gets its value when the statement runs."""
    return bindparam(None, callable_=value, type_=kind, unique=True)


def span(after: After) -> timedelta:
    """How long from now, now."""
    return after if isinstance(after, timedelta) else after()


class Clock(Protocol):
    """Both times, `after` from now."""

    @property
    def lease_clock(self) -> str:
        """Names the clock of `lease`; seconds of differently named clocks cannot be compared."""

    def now(self, after: After = _NOW) -> ColumnElement[datetime]: ...

    def lease(self, after: After = _NOW) -> ColumnElement[float]:
        """Seconds."""

    def uptime(self) -> ColumnElement[float]:
        """Seconds since the database was started; endless when it has no life of its own."""

    def boot(self) -> float:
        """Seconds of this machine's CLOCK_BOOTTIME: the same in all its processes.

        It counts while the machine is suspended, so a deadline by it is never too late.
        """


class _Boot:
    def boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class MachineClock(_Boot):
    """This machine's clocks, for a store that only this machine uses."""

    def __init__(self) -> None:
        boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else "this machine"
        self.lease_clock = f"monotonic {boot}"

    def now(self, after: After = _NOW) -> ColumnElement[datetime]:
        return when_it_runs(lambda: datetime.now(UTC) + span(after), UtcTime)

    def lease(self, after: After = _NOW) -> ColumnElement[float]:
        return when_it_runs(lambda: time.monotonic() + span(after).total_seconds(), Double)

    def uptime(self) -> ColumnElement[float]:
        return literal(float("inf"), Double)


class DatabaseClock(_Boot):
    """The clock of the PostgreSQL server."""

    lease_clock = "database"

    def now(self, after: After = _NOW) -> ColumnElement[datetime]:
        return cast(func.clock_timestamp() + when_it_runs(lambda: span(after), Interval), UtcTime)

    def lease(self, after: After = _NOW) -> ColumnElement[float]:
        seconds = cast(func.extract("epoch", func.clock_timestamp()), Double)
        return seconds + when_it_runs(lambda: span(after).total_seconds(), Double)

    def uptime(self) -> ColumnElement[float]:
        up = func.clock_timestamp() - func.pg_postmaster_start_time()
        return cast(func.extract("epoch", up), Double)
