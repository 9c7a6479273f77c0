"""Into the queue: arrivals and events that come back. At most one of an account and command waits.

Functions of a connection, to be parts of larger transactions. A race that the schema's unique index
decides raises the driver's IntegrityError, and `Database.write` runs the transaction again.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, case, literal

from app.events import Enqueued, Event, EventState, NewEvent
from app.store.dialects import Dialect
from app.store.event_rows import any_waiting, change, find, find_waiting
from app.store.schema import UtcTime, events
from app.store.statements import made_once

#: Whoever holds an event goes by his own clock. Where that is behind the database's, the event
#: would be due as soon as it is held, and held and told of without a pause until the clocks meet.
_SHORTEST_HOLD = timedelta(seconds=5)

#: What an arrival says itself.
_SAID = ("payload", "source", "source_ref")
#: What an event has only while it runs.
NO_LEASE: dict[str, Any] = {"token": None, "lease_until": None, "lease_clock": None}


def enqueue(connection: Connection, dialect: Dialect, new: NewEvent) -> Enqueued:
    """Record the arrival: as a waiting event, or as merged into the one that waits already.

    The waiting event then says what the newest arrival says, may start at the earlier of both
    times, and keeps its id and its place; the merged one keeps what it said before, so that no
    word of anybody is lost.
    """
    row = _row(new)
    waiting = find_waiting(connection, new.account_id, new.command)
    if waiting is None:
        connection.execute(_insert(dialect), row)
        return Enqueued(event_id=row["event_id"], merged=False)
    said = {name: row[name] for name in _SAID}
    replaced = {name: getattr(waiting, name) for name in _SAID}
    earlier = {"not_before": _earlier(waiting.not_before, new.not_before)}
    change(connection, waiting.event_id, said | earlier)
    connection.execute(_insert(dialect).values(row | replaced | merged_into(dialect, waiting)))
    return Enqueued(event_id=waiting.event_id, merged=True)


def enqueue_all(
    connection: Connection, dialect: Dialect, arrivals: Sequence[NewEvent]
) -> tuple[Enqueued, ...]:
    """The same for many, such as the accounts that follow a strategy: mostly in two statements."""
    wanted = {(new.account_id, new.command) for new in arrivals}
    if len(wanted) < len(arrivals) or any_waiting(connection, wanted):
        return tuple(enqueue(connection, dialect, new) for new in arrivals)
    rows = [_row(new) for new in arrivals]
    if rows:
        connection.execute(_insert(dialect), rows)
    return tuple(Enqueued(event_id=row["event_id"], merged=False) for row in rows)


def _row(new: NewEvent) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "account_id": new.account_id,
        "command": new.command,
        "payload": dict(new.payload),
        "source": new.source,
        "source_ref": new.source_ref,
        "state": EventState.QUEUED,
        "not_before": new.not_before,
        "times_queued": 1,
    }


@made_once
def _insert(dialect: Dialect) -> Insert:
    return events.insert().values(seq=dialect.next_seq(), created_at=dialect.clock.now())


def put_back(
    connection: Connection,
    dialect: Dialect,
    event: Event,
    *,
    to_the_back: bool,
    delay: timedelta | None = None,
    not_before: datetime | None = None,
    counted: bool,
    is_closed: bool = False,
    **notes: str | None,
) -> Enqueued:
    """Let an event wait again, or merge it into the twin that arrived meanwhile.

    A twin inherits the count of failures and the later of both start times, so that arrivals
    during a failing run do not undo its delay. What waits because its market `is_closed` keeps the
    time for the gates, beyond the claim. `notes` are `error` and `reason`.
    """
    due = literal(not_before, UtcTime) if delay is None else dialect.clock.now(delay)
    if not_before is not None:
        due = _later(due, dialect.clock.now(_SHORTEST_HOLD))
    times_queued = event.times_queued + counted
    twin = find_waiting(connection, event.account_id, event.command)
    if twin is None:
        values = {"state": EventState.QUEUED, "not_before": due, "times_queued": times_queued}
        values |= {"finished_at": None, **NO_LEASE, **notes}
        if is_closed:
            values["closed_until"] = due
        if to_the_back:
            values["seq"] = dialect.next_seq()
        change(connection, event.event_id, values)
        return Enqueued(event_id=event.event_id, merged=False)
    inherited: dict[str, Any] = {
        "times_queued": max(times_queued, twin.times_queued),
        "not_before": _later(events.c.not_before, due),
    }
    if is_closed:
        inherited["closed_until"] = _later(events.c.closed_until, due)
    if not to_the_back:
        inherited["seq"] = min(event.seq, twin.seq)
    change(connection, twin.event_id, inherited | notes)
    change(connection, event.event_id, {**merged_into(dialect, twin), **NO_LEASE, **notes})
    return Enqueued(event_id=twin.event_id, merged=True)


def where_it_went(connection: Connection, event_id: str) -> Enqueued:
    """What `put_back` answered, read again: the event itself, or the twin that it merged into."""
    event = find(connection, event_id)
    return Enqueued(event_id=event.merged_into or event_id, merged=event.merged_into is not None)


def merged_into(dialect: Dialect, twin: Event) -> dict[str, Any]:
    """The final state of an event whose waiting twin goes on for both."""
    return {
        "state": EventState.MERGED,
        "merged_into": twin.event_id,
        "finished_at": dialect.clock.now(),
    }


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else min(one, other)


def _later(one: ColumnElement[datetime], other: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return case((one > other, one), (other.is_(None), one), else_=other)
