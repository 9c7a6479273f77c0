"""What decides whether an event may be worked now, as far as the store knows it.

In one statement, for an order waits for it.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Label, Select, func, or_, select

from app.events import Command
from app.store.controls import armed_until, pause_of
from app.store.dialects import Dialect
from app.store.leases import may_pause
from app.store.records import Standing
from app.store.rows import value_of
from app.store.schema import events, pauses, runs

_arrivals = events.alias("arrivals")


def standing(
    connection: Connection, dialect: Dialect, event_id: str, session_date: date | None
) -> Standing:
    """Of an event that exists; a session of None is not counted in."""
    query = (
        select(
            _value(_asked_at(event_id), "asked_at"),
            _value(armed_until(dialect), "armed_until"),
            _value(_sessions_used(session_date), "sessions_used"),
            *pauses.c,
        )
        .select_from(events.outerjoin(pauses, may_pause()))
        .where(events.c.event_id == event_id)
        # The pause of all accounts comes first.
        .order_by(pauses.c.account_id)
        .limit(1)
    )
    row = connection.execute(query).mappings().one()
    return value_of(Standing, row, pause=None if row["paused_at"] is None else pause_of(row))


def _asked_at(event_id: str) -> Select[Any]:
    mine = or_(_arrivals.c.event_id == event_id, _arrivals.c.merged_into == event_id)
    return select(func.max(_arrivals.c.created_at)).where(mine)


def _sessions_used(session_date: date | None) -> Select[Any]:
    return select(func.count(runs.c.run_id)).where(
        runs.c.account_id == events.c.account_id,
        runs.c.session_date == session_date,
        runs.c.command == Command.REBALANCE,
        runs.c.orders_sent,
    )


def _value(query: Select[Any], name: str) -> Label[Any]:
    return query.scalar_subquery().label(name)
