"""Event age: what was asked for too long ago is not traded any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.market import CalendarError

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Refuse
from .hours import first_opportunity


def is_recent(event: Circumstances) -> Decision:
    """Refuse an event whose time has passed; waiting for the market to open does not count,
    neither by the calendar nor by the broker's own hours.
    """
    limit = timedelta(minutes=event.settings.config.gates.max_age_minutes)
    if event.now - _could_run_since(event) <= limit:
        return ALLOW
    return Refuse(
        gate=Gate.AGE,
        park=False,
        reason=f"asked for on {event.asked_at:%Y-%m-%d at %H:%M} UTC, which is too long ago "
        "(gates.max_age_minutes); nothing was sent",
    )


def _could_run_since(event: Circumstances) -> datetime:
    by_calendar = _could_run_by_calendar(event)
    return by_calendar if event.closed_until is None else max(by_calendar, event.closed_until)


def _could_run_by_calendar(event: Circumstances) -> datetime:
    if event.sessions is None:
        return event.asked_at
    try:
        gates = event.settings.config.gates
        return first_opportunity(event.asked_at, event.sessions, gates).start
    except CalendarError:
        # Asked for before the calendar begins, weeks ago.
        return event.asked_at
