"""Messages of strategies' channels: kept for good, each once, and each looked at once.

Comes in: what Ably delivered, live or from history. Goes out: what nobody has looked at yet, in
order, and the events that a message leads to, in the same transaction that ticks it off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    RowMapping,
    Update,
    bindparam,
    exists,
    func,
    select,
)
from sqlalchemy.sql.dml import ReturningInsert

from app.events import Enqueued, NewEvent
from app.store import queue
from app.store.database import Database
from app.store.dialects import Dialect
from app.store.records import Message, MessageOrigin, MessageStatus, StoredMessage
from app.store.rows import row_of, value_of
from app.store.schema import equals, messages
from app.store.statements import made_once
from app.store.wake import Topic


class Messages:
    """The messages of every channel."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def record(
        self,
        message: Message,
        status: MessageStatus = MessageStatus.RECEIVED,
        detail: str | None = None,
    ) -> bool:
        """Keep it; False when it was kept before. Durable when this returns."""
        return self._do.write(Topic.MESSAGES, self._record, message, status, detail)

    def record_all(
        self,
        page: Iterable[Message],
        status: MessageStatus = MessageStatus.RECEIVED,
        detail: str | None = None,
    ) -> int:
        """Keep a page of history in one transaction; the number of those that were new."""
        return self._do.write(Topic.MESSAGES, self._record_all, tuple(page), status, detail)

    def undispatched(
        self, limit: int = 100, *, channels: Sequence[str] | None = None
    ) -> tuple[StoredMessage, ...]:
        """Messages that nobody has looked at, in the order in which they were published."""
        return self._do.read(self._undispatched, limit, channels)

    def dispatch(
        self,
        stored: StoredMessage,
        events: Sequence[NewEvent] = (),
        status: MessageStatus = MessageStatus.DISPATCHED,
        detail: str | None = None,
    ) -> tuple[Enqueued, ...] | None:
        """Tick the message off and enqueue its events, both or neither.

        None, and nothing is enqueued, when somebody else has ticked it off already.
        """
        return self._do.write(
            Topic.EVENTS, self._dispatch, stored.number, tuple(events), status, detail
        )

    def list(self, limit: int = 100, *, channel: str | None = None) -> tuple[StoredMessage, ...]:
        """The newest first."""
        return self._do.read(self._list, limit, channel)

    def _record(
        self, connection: Connection, message: Message, status: MessageStatus, detail: str | None
    ) -> bool:
        row = row_of(message) | {"status": status, "detail": detail}
        return connection.execute(_add(self._dialect), row).one_or_none() is not None

    def _record_all(
        self,
        connection: Connection,
        page: tuple[Message, ...],
        status: MessageStatus,
        detail: str | None,
    ) -> int:
        return sum(self._record(connection, message, status, detail) for message in page)

    def _undispatched(
        self, connection: Connection, limit: int, channels: Sequence[str] | None
    ) -> tuple[StoredMessage, ...]:
        query = _UNDISPATCHED
        if channels is not None:
            query = query.where(messages.c.channel.in_(channels))
        rows = connection.execute(query, {"at_most": limit}).mappings()
        return tuple(_stored(row) for row in rows)

    def _dispatch(
        self,
        connection: Connection,
        number: int,
        events: tuple[NewEvent, ...],
        status: MessageStatus,
        detail: str | None,
    ) -> tuple[Enqueued, ...] | None:
        values = {"of_message": number, "status": status, "detail": detail}
        if connection.execute(_tick_off(self._dialect), values).rowcount == 0:
            return None
        return queue.enqueue_all(connection, self._dialect, events)

    def _list(
        self, connection: Connection, limit: int, channel: str | None
    ) -> tuple[StoredMessage, ...]:
        query = select(messages).order_by(messages.c.number.desc()).limit(limit)
        if channel is not None:
            query = query.where(messages.c.channel == channel)
        return tuple(_stored(row) for row in connection.execute(query).mappings())


def _stored(row: RowMapping) -> StoredMessage:
    message = value_of(Message, row, origin=MessageOrigin(row["origin"]))
    return value_of(StoredMessage, row, message=message, status=MessageStatus(row["status"]))


@made_once
def _add(dialect: Dialect) -> ReturningInsert[Any]:
    """Unless it is there. Two that add it at once: one loses the race."""
    names = (*Message.__dataclass_fields__, "status", "detail")
    given = [bindparam(name, type_=messages.c[name].type) for name in names]
    same = messages.c.channel == bindparam("channel")
    known = exists().where(same, messages.c.message_id == bindparam("message_id"))
    row = select(*given, dialect.clock.now()).where(~known)
    new = messages.insert().from_select([*names, "received_at"], row)
    return new.returning(messages.c.number)


_UNDISPATCHED = (
    select(messages)
    .where(equals(messages.c.status, MessageStatus.RECEIVED))
    .order_by(messages.c.timestamp, func.coalesce(messages.c.serial, ""), messages.c.message_id)
    .limit(bindparam("at_most", type_=Integer))
)


@made_once
def _tick_off(dialect: Dialect) -> Update:
    fresh = equals(messages.c.status, MessageStatus.RECEIVED)
    tick = messages.update().where(messages.c.number == bindparam("of_message"), fresh)
    return tick.values(dispatched_at=dialect.clock.now())
