"""Rows of the tables of events and attempts, as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    exists,
    func,
    select,
    tuple_,
)

from app.events import (
    Attempt,
    AttemptOutcome,
    Command,
    Event,
    EventSource,
    EventState,
    EventSummary,
    UnknownEvent,
)
from app.store.rows import value_of
from app.store.schema import attempts, equals, events

E = TypeVar("E", bound=EventSummary)

#: The columns of `Event`.
EVENT_COLUMNS = tuple(events.c[name] for name in Event.__dataclass_fields__)
#: The columns of `EventSummary`.
SUMMARY_COLUMNS = tuple(events.c[name] for name in EventSummary.__dataclass_fields__)
_CONVERSIONS = {"command": Command, "source": EventSource, "state": EventState}


def event_of(row: RowMapping) -> Event:
    return _value_of(Event, row)


def summary_of(row: RowMapping) -> EventSummary:
    return _value_of(EventSummary, row)


def _value_of(kind: type[E], row: RowMapping) -> E:
    return value_of(kind, row, **{name: as_(row[name]) for name, as_ in _CONVERSIONS.items()})


def attempt_of(row: RowMapping) -> Attempt:
    values: dict[str, Any] = {name: row[name] for name in Attempt.__dataclass_fields__}
    values["outcome"] = None if row["outcome"] is None else AttemptOutcome(row["outcome"])
    return Attempt(**values)


def find(connection: Connection, event_id: str, *, lock: bool = False) -> Event:
    """The event; raises `UnknownEvent`. Locked, it does not change until the transaction ends."""
    found = connection.execute(_FIND_AND_LOCK if lock else _FIND, {"event_id": event_id})
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownEvent(event_id)
    return event_of(row)


_FIND = select(*EVENT_COLUMNS).where(events.c.event_id == bindparam("event_id"))
_FIND_AND_LOCK = _FIND.with_for_update()


def find_waiting(connection: Connection, account_id: str, command: Command) -> Event | None:
    """The event of the account and command that waits, locked."""
    wanted = {"account_id": account_id, "command": command}
    row = connection.execute(_FIND_WAITING, wanted).mappings().one_or_none()
    return None if row is None else event_of(row)


_FIND_WAITING = (
    select(*EVENT_COLUMNS)
    .where(equals(events.c.state, EventState.QUEUED))
    .where(events.c.account_id == bindparam("account_id"), events.c.command == bindparam("command"))
    .with_for_update()
)


def any_waiting(connection: Connection, wanted: Collection[tuple[str, Command]]) -> bool:
    """Whether an event of one of these accounts and commands waits."""
    found = exists().where(
        equals(events.c.state, EventState.QUEUED),
        tuple_(events.c.account_id, events.c.command).in_(wanted),
    )
    return bool(connection.execute(select(found)).scalar())


def change(
    connection: Connection, event_id: str, values: Mapping[str, ColumnElement[Any] | Any]
) -> None:
    connection.execute(events.update().where(events.c.event_id == event_id).values(**values))


def merged_count(connection: Connection, event_id: str) -> int:
    """How many events this one stands for: those merged into it, into them, and so on."""
    return connection.execute(_COUNT_MERGED, {"event_id": event_id}).scalar_one()


_merged_here = select(events.c.event_id).where(events.c.merged_into == bindparam("event_id"))
_merged = _merged_here.cte("merged", recursive=True)
_merged = _merged.union_all(
    select(events.c.event_id).where(events.c.merged_into == _merged.c.event_id)
)
_COUNT_MERGED = select(func.count()).select_from(_merged)


def attempts_of(connection: Connection, event_id: str) -> tuple[Attempt, ...]:
    query = select(attempts).where(attempts.c.event_id == event_id).order_by(attempts.c.number)
    return tuple(attempt_of(row) for row in connection.execute(query).mappings())
