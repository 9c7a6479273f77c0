"""The last day as the store tells it, for the digest."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from app.events import Command, EventState
from app.notifications import Day
from app.store import Store

#: More than a day has.
_RUNS = 1000


def day_of(store: Store, since: datetime, until: datetime) -> Day:
    """What happened between the two, and what waits now."""
    runs = [
        run
        for run in store.runs.list(_RUNS)
        if run.command is Command.REBALANCE and since <= run.started_at < until
    ]
    parked = store.events.list(states={EventState.NEEDS_ATTENTION})
    return Day(
        since=since,
        until=until,
        runs=Counter(run.status for run in runs),
        trades=sum(order.filled_quantity > 0 for run in runs for order in run.orders),
        waiting=store.events.statistics().queue_length,
        needs_attention=[f"{e.account_id} {e.command}: {e.error or e.reason}" for e in parked],
    )
