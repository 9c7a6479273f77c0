"""The scheduler: what the configuration and the market-open list ask for becomes events, in time.

Comes in: the store, the settings, the exchange's calendar and a clock. Goes out: events and daily
messages. All it knows is in the store: it may be killed at any point, and may run in several
services at once, and neither skips a time nor fires it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import structlog

from app.events import Command, EventSource, EventState, NewEvent
from app.market import CalendarError, MarketCalendar
from app.notifications import Notification, alert, alive, digest, missed
from app.settings import Settings, processed_accounts
from app.settings.schedules import Times
from app.store import Store, StoreUnavailable
from app.store.records import MarketOpenEntry
from broker_connector_base.models import RunStatus

from .day import day_of
from .drift import drift_percent
from .entries import Entry, alive_times, daily_name, digest_times, entries
from .market_open import GUARD, due_time
from .marks import fire_if_due

_log = structlog.get_logger(__name__)

#: Times are minutes. The clock may be set, and files and the list may change, while it waits.
LOOK_AGAIN_SECONDS = 10.0

_SUCCESS = frozenset({RunStatus.DONE, RunStatus.NOTHING_TO_DO})


class Scheduler:
    """Call `tick` every few seconds, from one thread at a time; `run` does."""

    def __init__(
        self,
        store: Store,
        *,
        settings: Callable[[], Settings],
        calendar: MarketCalendar,
        tell: Callable[[Notification], None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._settings = settings
        self._calendar = calendar
        self._tell = tell
        self._now = now
        self._calendar_is_missing = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set, whatever happens to the store meanwhile."""
        while not stop.is_set():
            try:
                await self._store.call(self.tick)
            except StoreUnavailable as error:
                _log.warning("scheduler.store_unavailable", error=str(error))
            try:
                async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    def tick(self) -> None:
        """Do everything that is due; raises `StoreUnavailable`."""
        settings, now = self._settings(), self._now()
        self._tell_daily(settings, now)
        if settings.config.scheduler.enabled:
            for entry in entries(settings):
                self._fire(entry, settings, now)
            self._work_market_open_list(settings, now)

    # -- schedules and drift checks ---------------------------------------------------------------

    def _fire(self, entry: Entry, settings: Settings, now: datetime) -> None:
        event = _event(entry.account_id, entry.command, EventSource.SCHEDULE, entry.name)
        fired = fire_if_due(
            self._store, entry.name, entry.times, event, now=now, grace=_grace(settings)
        )
        if fired is not None:
            _log.info("scheduler.fired", schedule=entry.name, at=fired.at, missed=fired.missed)
            if fired.missed:
                self._tell(missed(entry.name, fired.at, _zone(settings)))
        if entry.band_percent is not None:
            self._follow_up(entry, entry.band_percent)

    def _follow_up(self, check: Entry, band_percent: Decimal) -> None:
        """Rebalance, once for each check, when its own preview shows more drift than the band.

        A preview that somebody else asked for was not asked for to trade. It counts only where the
        check's event was merged into that one.
        """
        schedules = self._store.schedules
        mark = schedules.mark(check.name)
        if mark is None or mark.event_id is None:
            return
        event = self._store.events.follow(mark.event_id)
        if event.state is EventState.CANCELLED:
            schedules.settle(check.name, mark.event_id)
        if event.state is not EventState.DONE:
            return
        try:
            drift = drift_percent(event.result or {})
        except ValueError as error:
            _log.error("scheduler.preview_unreadable", account=check.account_id, error=str(error))
            schedules.settle(check.name, mark.event_id)
            return
        cause = f"drift of {drift:.2f} percentage points"
        rebalance = _event(check.account_id, Command.REBALANCE, EventSource.SCHEDULE, cause)
        follow_up = rebalance if drift > band_percent else None
        if schedules.settle(check.name, mark.event_id, follow_up):
            _log.info("scheduler.drift", account=check.account_id, percent=str(drift))

    # -- the market-open list ---------------------------------------------------------------------

    def _work_market_open_list(self, settings: Settings, now: datetime) -> None:
        listed = self._store.market_open.list()
        configured = {account.account_id for account in processed_accounts(settings)}
        for entry in listed:
            if entry.account_id in configured and not self._has_worked(entry):
                self._fire_at_open(entry, settings, now)

    def _fire_at_open(self, entry: MarketOpenEntry, settings: Settings, now: datetime) -> None:
        try:
            sessions = self._calendar.sessions(now)
            due = due_time(entry, now=now, sessions=sessions, config=settings.config).at
        except CalendarError as error:
            self._complain(error)
            return
        self._calendar_is_missing = False
        if due > now:
            return
        source = EventSource.GUARD if entry.added_by == GUARD else EventSource.SCHEDULE
        event = _event(entry.account_id, Command.REBALANCE, source, "market open")
        if self._store.market_open.fire(entry, due, event):
            _log.info("scheduler.market_open", account=entry.account_id, at=due)

    def _has_worked(self, entry: MarketOpenEntry) -> bool:
        """Whether the account was rebalanced since the entry fired; then it is struck off."""
        fired_at = entry.fired_at
        if fired_at is None:
            return False
        runs = self._store.runs.summaries(10, account_id=entry.account_id)
        done = any(run.started_at >= fired_at and run.status in _SUCCESS for run in runs)
        if done and self._store.market_open.strike_off(entry):
            _log.info("scheduler.market_open_done", account=entry.account_id)
        return done

    def _complain(self, error: CalendarError) -> None:
        _log.error("scheduler.no_calendar", error=str(error))
        if not self._calendar_is_missing:
            self._calendar_is_missing = True
            self._tell(alert("ACTION REQUIRED: the exchange's hours are not known", str(error)))

    # -- daily messages ---------------------------------------------------------------------------

    def _tell_daily(self, settings: Settings, now: datetime) -> None:
        config, zone = settings.config.notifications, _zone(settings)
        times = alive_times(config)
        if self._is_time("alive", times, settings, now):
            told = alive(
                now=now,
                accounts=len(processed_accounts(settings)),
                at_work=self._store.workers.at_work(),
                mode=settings.mode,
                zone=zone,
            )
            self._tell(told)
        times = digest_times(config)
        since = self._is_time("digest", times, settings, now)
        if since:
            self._tell(digest(day_of(self._store, since, now), zone))

    def _is_time(
        self, what: str, times: Times, settings: Settings, now: datetime
    ) -> datetime | None:
        """When it was told last, if it is time to tell it again and nobody else does."""
        name, grace = daily_name(what, times), _grace(settings)
        fired = fire_if_due(self._store, name, times, None, now=now, grace=grace)
        return fired.since if fired and not fired.missed else None


def _event(account_id: str, command: Command, source: EventSource, cause: str) -> NewEvent:
    return NewEvent(account_id=account_id, command=command, source=source, source_ref=cause)


def _grace(settings: Settings) -> timedelta:
    return timedelta(minutes=settings.config.scheduler.grace_minutes)


def _zone(settings: Settings) -> ZoneInfo:
    return ZoneInfo(settings.config.notifications.time_zone)
