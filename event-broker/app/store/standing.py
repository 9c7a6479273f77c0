"""What decides whether an event may be worked now, as far as the store knows it.

In one statement, for an order waits for it.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BindParameter, Connection, Label, Select, bindparam, func, or_, select

from app.events import Command
from app.store.controls import armed_until, pause_of
from app.store.dialects import Dialect
from app.store.leases import may_pause
from app.store.records import Standing
from app.store.rows import value_of
from app.store.schema import events, pauses, runs
from app.store.statements import made_once

_arrivals = events.alias("arrivals")


def standing(
    connection: Connection, dialect: Dialect, event_id: str, session_date: date | None
) -> Standing:
    """Of an event that exists; without a session none is counted in."""
    wanted = {"event_id": event_id, "session_date": session_date}
    row = connection.execute(_query(dialect), wanted).mappings().one()
    return value_of(Standing, row, pause=None if row["paused_at"] is None else pause_of(row))


@made_once
def _query(dialect: Dialect) -> Select[Any]:
    this: BindParameter[str] = bindparam("event_id")
    arrived = or_(_arrivals.c.event_id == this, _arrivals.c.merged_into == this)
    used = select(func.count(runs.c.run_id)).where(
        runs.c.account_id == events.c.account_id,
        runs.c.session_date == bindparam("session_date"),
        runs.c.command == Command.REBALANCE,
        runs.c.orders_sent,
    )
    return (
        select(
            _value(select(func.max(_arrivals.c.created_at)).where(arrived), "asked_at"),
            events.c.closed_until,
            _value(armed_until(dialect), "armed_until"),
            _value(used, "sessions_used"),
            *pauses.c,
        )
        .select_from(events.outerjoin(pauses, may_pause()))
        .where(events.c.event_id == this)
        # The pause of all accounts comes first.
        .order_by(pauses.c.account_id)
        .limit(1)
    )


def _value(query: Select[Any], name: str) -> Label[Any]:
    return query.scalar_subquery().label(name)
