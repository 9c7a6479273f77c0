"""The market-open list: an account on it is rebalanced at the next open, until that has worked.

Pure: entries, sessions and the clock come in, due times go out. An entry is for the first session
that opens after it was made, and for each one after that as long as it is on the list; sessions
that close too early for the time that is set are left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from app.market import Sessions, TradingSession, first_start
from app.settings import Config
from app.store.records import MarketOpenEntry

#: Who adds the accounts that the once-a-session guard refused.
GUARD = "guard"


class Due(NamedTuple):
    """When an entry fires."""

    at: datetime
    #: The session that it would be for if that did not close too early.
    skips: TradingSession | None


def due_time(entry: MarketOpenEntry, *, now: datetime, sessions: Sessions, config: Config) -> Due:
    """When the entry fires in the session of `now`, or in the next one that it is for.

    Raises `CalendarError` when the sessions are not known.
    """
    session = sessions.session_for(now)
    if session.opens <= entry.added_at:
        session = sessions.next_session(session.opens)
    start = first_start(
        sessions,
        session,
        config.pdt_protection.next_execution_time
        if entry.added_by == GUARD
        else config.scheduler.market_open_time,
        delay_seconds=config.gates.delay_after_open_seconds,
        stop_seconds=config.gates.stop_before_close_seconds,
    )
    return Due(start.at, None if start.session == session else session)
