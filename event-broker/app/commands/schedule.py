"""`schedule`: the market-open list, whose accounts are rebalanced when the market opens next.

It reads and changes the list in the store; a running service does the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime

from app.market import EXCHANGE_TIME, CalendarError, MarketCalendar, Sessions
from app.report.schedule import Listed, MarketOpenReport, show_market_open_list
from app.schedule import due_time
from app.settings import Config, Settings, SettingsError, select_account
from app.store import Store, StoreError, open_store
from app.store.records import MarketOpenEntry
from app.switches import ScheduleRequest

from .outcome import CommandFailed, ExitCode, Report
from .session import Session
from .state import prepare_store
from .switching import asked, who


def run(session: Session) -> Report:
    """List, add, remove or clear; the list afterwards is the result."""
    settings = session.settings
    prepare_store(settings)
    try:
        with open_store(settings.database_url, mode=settings.mode.value) as store:
            message = _change(store, session)
            entries = store.market_open.list()
    except StoreError as error:
        raise CommandFailed.because(error) from error
    except SettingsError as error:
        raise CommandFailed.because(error, ExitCode.BAD_INPUT) from error
    report = MarketOpenReport(message=message, entries=_listed(entries, settings))
    return Report(
        exit_code=ExitCode.DONE,
        document=report.model_dump_json(),
        show=lambda: show_market_open_list(report, settings),
    )


def _change(store: Store, session: Session) -> str | None:
    """What was done, in a sentence; None when the list was only asked for."""
    arguments, market_open = session.arguments, store.market_open
    account_id = arguments.listed_account
    match arguments.action:
        case "add":
            request = asked(ScheduleRequest, account_id=account_id, reason=arguments.reason)
            select_account(session.settings, account_id)
            added = market_open.add(account_id, who(), request.reason)
            return f"{account_id} {'is' if added else 'was already'} on the list."
        case "remove":
            removed = market_open.remove(account_id)
            return f"{account_id} {'was taken off' if removed else 'was not on'} the list."
        case "clear":
            return f"Accounts taken off the list: {market_open.clear()}."
        case _:
            return None


def _listed(entries: tuple[MarketOpenEntry, ...], settings: Settings) -> tuple[Listed, ...]:
    if not entries:
        return ()
    now = datetime.now(UTC)
    try:
        known: Sessions | CalendarError = MarketCalendar(settings.calendar_directory).sessions(now)
    except CalendarError as error:
        known = error
    return tuple(_listing(entry, known, now, settings.config) for entry in entries)


def _listing(
    entry: MarketOpenEntry, known: Sessions | CalendarError, now: datetime, config: Config
) -> Listed:
    due_at, note = None, None
    try:
        if isinstance(known, CalendarError):
            raise known
        due = due_time(entry, now=now, sessions=known, config=config)
    except CalendarError as error:
        # What is on the list is told all the same.
        note = f"When it is due is not known: {error}"
    else:
        due_at = due.at
        if due.skips is not None:
            closes = due.skips.closes.astimezone(EXCHANGE_TIME)
            note = f"The session of {closes:%Y-%m-%d} is left out: it closes at {closes:%H:%M}."
    return Listed(
        account_id=entry.account_id,
        added_at=entry.added_at,
        added_by=entry.added_by,
        reason=entry.reason,
        due_at=due_at,
        note=note,
    )
