"""The last week of November 2026 at the New York Stock Exchange, and a scheduler in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from app.events import Command, Event, EventState
from app.market import CalendarError, MarketCalendar, Sessions, TradingSession
from app.notifications import Notification
from app.schedule import Scheduler
from app.settings import load_settings
from app.store import Store, open_store
from app.store.testing import AdjustableClock

SUCCESS: Mapping[str, object] = MappingProxyType({"status": "success"})


@pytest.fixture(scope="session")
def november() -> Sessions:
    def session(day: date, closes: int = 21) -> TradingSession:
        return TradingSession(
            date=day,
            opens=datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC),
            closes=datetime(day.year, day.month, day.day, closes, tzinfo=UTC),
            half_day=closes == 18,
        )

    days = [date(2026, 11, day) for day in (20, 23, 24, 25)]
    after = [date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)]
    return Sessions(
        exchange="XNYS",
        begins=date(2026, 11, 19),
        ends=date(2027, 12, 31),
        sessions=(*map(session, days), session(date(2026, 11, 27), 18), *map(session, after)),
    )


@dataclass
class World:
    """A service at one moment; the clocks of the store and of the scheduler say it."""

    home: Path
    store: Store
    clock: AdjustableClock
    sessions: Sessions
    now: datetime
    told: list[Notification] = field(default_factory=list)
    calendar_works: bool = True
    #: Whether the process that works events says so.
    worker_is_there: bool = True

    def __post_init__(self) -> None:
        self.settings = load_settings(self.home, {})
        self.clock.set_wall(self.now - datetime.now(UTC))
        self.store.workers.register("w1", host="here", pid=7, role="worker", version="1.0.0")
        self.scheduler = self.restart()

    def restart(self) -> Scheduler:
        """A service that knows nothing but the store."""

        def compute(*_: object) -> bytes:
            if not self.calendar_works:
                raise CalendarError("No module named 'pandas'")
            return self.sessions.model_dump_json().encode()

        self.scheduler = Scheduler(
            self.store,
            settings=lambda: self.settings,
            calendar=MarketCalendar(self.home / "market", compute=compute),
            tell=self.told.append,
            now=lambda: self.now,
        )
        return self.scheduler

    def at(self, moment: datetime) -> None:
        """Let it be `moment`, and the scheduler look."""
        self.clock.set_wall(moment - self.now)
        self.now = moment
        if self.worker_is_there:
            self.store.workers.beat("w1")
        self.scheduler.tick()

    def pass_time(self, until: datetime, step: timedelta = timedelta(minutes=10)) -> None:
        """The scheduler looks again and again."""
        while self.now < until:
            self.at(min(self.now + step, until))

    def queued(self) -> list[Event]:
        """What waits, oldest first."""
        return sorted(self.store.events.list(states={EventState.QUEUED}), key=lambda e: e.seq)

    def work_off(self, result: Mapping[str, object] = SUCCESS) -> list[Event]:
        """Everything that waits is done, with this result; what it was."""
        done = []
        while claim := self.store.events.claim("test"):
            is_preview = claim.event.command is Command.PRINT_REBALANCE
            done.append(self.store.events.finish(claim, result, is_preview=is_preview))
        return done


BuildWorld = Callable[..., World]


@pytest.fixture
def build(home: Path, sqlite_url: str, november: Sessions) -> Iterator[BuildWorld]:
    """A world that begins at a moment, with the texts of `accounts.yaml` and `config.yaml`."""
    clock = AdjustableClock(sqlite_url)
    with open_store(sqlite_url, clock=clock) as store:

        def world(now: datetime, *, accounts: str = "", config: str = "") -> World:
            if accounts:
                (home / "accounts.yaml").write_text(accounts)
            (home / "config.yaml").write_text(config)
            made = World(home=home, store=store, clock=clock, sessions=november, now=now)
            made.scheduler.tick()
            return made

        yield world
