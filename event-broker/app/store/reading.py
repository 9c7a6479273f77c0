"""Looking at the events: lists and counts."""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from app.events import Event, EventState, EventSummary, Statistics
from app.store.dialects import Dialect
from app.store.event_rows import (
    EVENT_COLUMNS,
    SUMMARY_COLUMNS,
    event_of,
    find,
    summary_of,
)
from app.store.schema import equals, events


def follow(connection: Connection, event_id: str) -> Event:
    """The end of the chain of merges."""
    event = find(connection, event_id)
    while event.merged_into is not None:
        event = find(connection, event.merged_into)
    return event


def list_events(
    connection: Connection,
    limit: int,
    states: Collection[EventState] | None,
    account_id: str | None,
) -> tuple[Event, ...]:
    query = _newest(select(*EVENT_COLUMNS), limit, states, account_id)
    return tuple(event_of(row) for row in connection.execute(query).mappings())


def list_summaries(
    connection: Connection,
    limit: int,
    states: Collection[EventState] | None,
    account_id: str | None,
) -> tuple[EventSummary, ...]:
    query = _newest(select(*SUMMARY_COLUMNS), limit, states, account_id)
    return tuple(summary_of(row) for row in connection.execute(query).mappings())


def _newest(
    query: Select[Any],
    limit: int,
    states: Collection[EventState] | None,
    account_id: str | None,
) -> Select[Any]:
    query = query.order_by(events.c.seq.desc()).limit(limit)
    if states is not None:
        query = query.where(events.c.state.in_(states))
    if account_id is not None:
        query = query.where(events.c.account_id == account_id)
    return query


def statistics(connection: Connection, dialect: Dialect) -> Statistics:
    counts = dict.fromkeys(EventState, 0)
    by_state = select(events.c.state, func.count()).group_by(events.c.state)
    counts.update({EventState(state): n for state, n in connection.execute(by_state)})
    waiting = equals(events.c.state, EventState.QUEUED)
    running = equals(events.c.state, EventState.RUNNING)
    oldest, now = connection.execute(
        select(
            select(func.min(events.c.created_at)).where(waiting).scalar_subquery(),
            dialect.clock.now(),
        )
    ).one()
    retried = select(func.count()).where(or_(waiting, running), events.c.times_queued > 1)
    return Statistics(
        queue_length=counts[EventState.QUEUED],
        active_events_count=counts[EventState.RUNNING],
        oldest_event_age_seconds=0
        if oldest is None
        else max(0, int((now - oldest).total_seconds())),
        events_with_retries=connection.execute(retried).scalar_one(),
        by_state=MappingProxyType(counts),
    )
