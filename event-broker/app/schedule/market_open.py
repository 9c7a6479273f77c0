"""The market-open list: an account on it is rebalanced at the next open, until that has worked.

Pure: entries, sessions and the clock come in, due times go out. An entry is for the first session
that opens after it was made, and for each one after that as long as it is on the list.
"""

from __future__ import annotations

from datetime import datetime

from app.market import Sessions, TradingSession, start_in
from app.settings import Config
from app.store.records import MarketOpenEntry

#: Who adds the accounts that the once-a-session guard refused.
GUARD = "guard"


def due_time(
    entry: MarketOpenEntry, *, now: datetime, sessions: Sessions, config: Config
) -> datetime:
    """When the entry fires in the session of `now`, or in the next one that it is for.

    A time that comes after an early close is one of the next session.
    """
    session = sessions.session_for(now)
    if session.opens <= entry.added_at:
        session = sessions.next_session(session.opens)
    start = _start(entry, session, config)
    while start is None:
        session = sessions.next_session(session.opens)
        start = _start(entry, session, config)
    return start


def _start(entry: MarketOpenEntry, session: TradingSession, config: Config) -> datetime | None:
    time = (
        config.pdt_protection.next_execution_time
        if entry.added_by == GUARD
        else config.scheduler.market_open_time
    )
    return start_in(session, time, config.gates.delay_after_open_seconds)
