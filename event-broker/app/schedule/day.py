"""The last day as the store tells it, for the digest."""

from __future__ import annotations

from datetime import datetime

from app.events import Command, EventState
from app.notifications import Day
from app.store import Store


def day_of(store: Store, since: datetime, until: datetime) -> Day:
    """What happened between the two, and what waits now."""
    runs = store.runs.tally(Command.REBALANCE, since, until)
    parked = store.events.list(states={EventState.NEEDS_ATTENTION})
    return Day(
        since=since,
        until=until,
        runs=runs.by_status,
        trades=runs.trades,
        waiting=store.events.statistics().queue_length,
        needs_attention=[f"{e.account_id} {e.command}: {e.error or e.reason}" for e in parked],
    )
