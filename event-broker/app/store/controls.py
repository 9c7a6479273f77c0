"""What people switch: pauses, live arming, the market-open list; and what schedules have done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, case, or_, select

from app.events import NewEvent
from app.store import queue
from app.store.database import Database
from app.store.dialects import Dialect
from app.store.records import Arming, MarketOpenEntry, Pause, ScheduleMark
from app.store.rows import upsert, value_of
from app.store.schema import EVERY_ACCOUNT, arming, market_open_list, pauses, schedule_marks
from app.store.wake import Topic


class Controls:
    """Pauses and live arming."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def pause(self, account_id: str | None, by: str, reason: str | None = None) -> None:
        """Start no rebalance of the account (None: of any) until it is resumed."""
        self._do.write(Topic.EVENTS, self._pause, account_id or EVERY_ACCOUNT, by, reason)

    def resume(self, account_id: str | None) -> bool:
        """End this pause; False when there was none. A pause of all accounts is one of its own."""
        return self._do.write(Topic.EVENTS, _resume, account_id or EVERY_ACCOUNT)

    def paused(self) -> tuple[Pause, ...]:
        return self._do.read(_paused)

    def is_paused(self, account_id: str) -> bool:
        """By a pause of its own or of all accounts."""
        return any(pause.account_id in (account_id, None) for pause in self.paused())

    def arm(self, until: datetime, by: str) -> None:
        """Allow live trading until then, instead of what was allowed before."""
        self._do.write(Topic.RECORDS, self._arm, until, by)

    def disarm(self) -> bool:
        """False when it was not armed."""
        return self._do.write(Topic.RECORDS, _disarm)

    def arming(self) -> Arming | None:
        """The arming in force; None when there is none or its time is over."""
        return self._do.read(self._arming)

    def armed_until(self) -> datetime | None:
        """None when live trading is not armed now."""
        found = self.arming()
        return None if found is None else found.armed_until

    def _pause(self, connection: Connection, account_id: str, by: str, reason: str | None) -> bool:
        values = {"paused_at": self._dialect.clock.now(), "paused_by": by, "reason": reason}
        upsert(connection, pauses, {"account_id": account_id}, values)
        return True

    def _arm(self, connection: Connection, until: datetime, by: str) -> bool:
        values = {"armed_at": self._dialect.clock.now(), "armed_until": until, "armed_by": by}
        upsert(connection, arming, {"singleton": True}, values)
        return True

    def _arming(self, connection: Connection) -> Arming | None:
        query = select(arming).where(_is_in_force(self._dialect))
        row = connection.execute(query).mappings().one_or_none()
        return None if row is None else value_of(Arming, row)


def _resume(connection: Connection, account_id: str) -> bool:
    gone = connection.execute(pauses.delete().where(pauses.c.account_id == account_id))
    return gone.rowcount == 1


def _paused(connection: Connection) -> tuple[Pause, ...]:
    rows = connection.execute(select(pauses).order_by(pauses.c.account_id)).mappings()
    return tuple(pause_of(row) for row in rows)


def pause_of(row: RowMapping) -> Pause:
    account_id = None if row["account_id"] == EVERY_ACCOUNT else row["account_id"]
    return value_of(Pause, row, account_id=account_id)


def armed_until(dialect: Dialect) -> Select[Any]:
    """No row when live trading is not armed now."""
    return select(arming.c.armed_until).where(_is_in_force(dialect))


def _is_in_force(dialect: Dialect) -> ColumnElement[bool]:
    return arming.c.armed_until > dialect.clock.now()


def _disarm(connection: Connection) -> bool:
    return connection.execute(arming.delete()).rowcount == 1


class MarketOpenList:
    """Accounts to be rebalanced when the market opens next."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def add(self, account_id: str, by: str, reason: str | None = None) -> bool:
        """False when it waits on the list already; that entry stays.

        One that has fired is replaced: its rebalance may be over; the new one is for the next open.
        """
        return self._do.write(Topic.RECORDS, self._add, account_id, by, reason)

    def fire(self, entry: MarketOpenEntry, due: datetime, event: NewEvent) -> bool:
        """Enqueue the event for the due time, once, whoever asks; the entry stays.

        False, and nothing is enqueued, when it fired for this or a later time already, or is no
        longer on the list.
        """
        return self._do.write(Topic.EVENTS, self._fire, entry, due, event)

    def remove(self, account_id: str) -> bool:
        """False when it was not on the list."""
        return self._do.write(Topic.RECORDS, _remove, market_open_list.c.account_id == account_id)

    def strike_off(self, entry: MarketOpenEntry) -> bool:
        """The same for this entry, and no other that took its place."""
        return self._do.write(Topic.RECORDS, _remove, _is(entry))

    def clear(self) -> int:
        """The number of accounts that were on the list."""
        return self._do.write(Topic.RECORDS, _clear)

    def list(self) -> tuple[MarketOpenEntry, ...]:
        """In the order in which they were added."""
        return self._do.read(_entries)

    def _add(self, connection: Connection, account_id: str, by: str, reason: str | None) -> bool:
        now, fired_at = self._dialect.clock.now(), market_open_list.c.fired_at
        values = {"added_by": by, "reason": reason, "fired_at": None}
        # Whatever the clocks say, it is for a later session than the one that it replaces.
        later = case((fired_at > now, fired_at), else_=now)
        is_listed = market_open_list.c.account_id == account_id
        fired = market_open_list.update().where(is_listed, fired_at.is_not(None))
        if connection.execute(fired.values(added_at=later, **values)).rowcount == 1:
            return True
        if connection.execute(select(market_open_list).where(is_listed)).one_or_none() is not None:
            return False
        new = market_open_list.insert().values(account_id=account_id, added_at=now, **values)
        connection.execute(new)
        return True

    def _fire(
        self, connection: Connection, entry: MarketOpenEntry, due: datetime, event: NewEvent
    ) -> bool:
        fired_at = market_open_list.c.fired_at
        is_due = or_(fired_at.is_(None), fired_at < due)
        # Read and written in one statement, for which two services wait for each other.
        fired = market_open_list.update().where(_is(entry), is_due).values(fired_at=due)
        if connection.execute(fired).rowcount == 0:
            return False
        queue.enqueue(connection, self._dialect, event)
        return True


def _is(entry: MarketOpenEntry) -> ColumnElement[bool]:
    return and_(
        market_open_list.c.account_id == entry.account_id,
        market_open_list.c.added_at == entry.added_at,
    )


def _remove(connection: Connection, which: ColumnElement[bool]) -> bool:
    return connection.execute(market_open_list.delete().where(which)).rowcount == 1


def _clear(connection: Connection) -> int:
    return connection.execute(market_open_list.delete()).rowcount


def _entries(connection: Connection) -> tuple[MarketOpenEntry, ...]:
    query = select(market_open_list).order_by(
        market_open_list.c.added_at, market_open_list.c.account_id
    )
    rows = connection.execute(query).mappings()
    return tuple(value_of(MarketOpenEntry, row) for row in rows)


class Schedules:
    """When each schedule fired last, so that a restart neither skips nor doubles it."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def mark(self, name: str) -> ScheduleMark | None:
        """None when it was never seen."""
        return self._do.read(_mark, name)

    def fire(self, name: str, due: datetime, event: NewEvent | None = None) -> bool:
        """Enqueue its event for the due time, once, whoever asks; the mark names it from now on.

        False, and nothing is enqueued, when it fired for this or a later time already.
        """
        return self._do.write(Topic.EVENTS, self._fire, name, due, event)

    def settle(self, name: str, event_id: str, follow_up: NewEvent | None = None) -> bool:
        """What came of its event has been looked at; enqueue what follows from it, once.

        False, and nothing is enqueued, when that has been done, or it fired again meanwhile.
        """
        return self._do.write(Topic.EVENTS, self._settle, name, event_id, follow_up)

    def _fire(
        self, connection: Connection, name: str, due: datetime, event: NewEvent | None
    ) -> bool:
        mark = schedule_marks.update().where(schedule_marks.c.name == name)
        # Read and written in one statement, for which two services wait for each other.
        advanced = connection.execute(
            mark.where(schedule_marks.c.fired_at < due).values(fired_at=due, event_id=None)
        )
        if advanced.rowcount == 0:
            if _mark(connection, name) is not None:
                return False
            connection.execute(schedule_marks.insert().values(name=name, fired_at=due))
        if event is not None:
            enqueued = queue.enqueue(connection, self._dialect, event)
            connection.execute(mark.values(event_id=enqueued.event_id))
        return True

    def _settle(
        self, connection: Connection, name: str, event_id: str, follow_up: NewEvent | None
    ) -> bool:
        mark = schedule_marks.update().where(schedule_marks.c.name == name)
        settled = connection.execute(
            mark.where(schedule_marks.c.event_id == event_id).values(event_id=None)
        )
        if settled.rowcount == 0:
            return False
        if follow_up is not None:
            queue.enqueue(connection, self._dialect, follow_up)
        return True


def _mark(connection: Connection, name: str) -> ScheduleMark | None:
    query = select(schedule_marks).where(schedule_marks.c.name == name)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else value_of(ScheduleMark, row)
