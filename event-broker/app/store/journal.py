"""The run journal: what account processes wrote down, in the order of each account.

Comes in: records, under the claim that their run holds. Goes out: what the next run has to know. An
append counts only while its claim is the latest of a running event, and whoever would take the
event over waits for its commit: so who reads the journal under a later claim reads everything that
was ever acted upon.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    and_,
    exists,
    func,
    literal,
    select,
    true,
)

from app.events import Claim, EventState, LeaseLost
from app.store.database import Database
from app.store.errors import StoreError
from app.store.schema import equals, events, journal

#: How long records are kept that no run needs any more: people may want to look.
KEPT = timedelta(days=30)

_COLUMNS = ("account_id", "seq", "token", "recorded_at", "record", "ends_clean")


class JournalMovedOn(StoreError):
    """Somebody has written to the journal who should not have; nothing was recorded."""

    def __init__(self, account_id: str) -> None:
        super().__init__(
            f"the run journal of {account_id} is not as its run left it; nothing was recorded"
        )


class Recent(NamedTuple):
    """What a run has to know of those before it."""

    #: The place of the last record; 0 before the first one.
    seq: int
    #: From the last end of a run on that left nothing open, oldest first.
    records: tuple[str, ...]


class Journal:
    """The journals of all accounts."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def recent(self, account_id: str) -> Recent:
        """The records that matter to the next run."""
        return self._do.read(_recent, account_id)

    def append(
        self, claim: Claim, after: int, records: Sequence[str], *, ends_clean: bool = False
    ) -> int:
        """Keep the records behind the one in place `after`; the place of the last one.

        `ends_clean` says that no later run needs any before the last one. All of them are durable
        when this returns, or none is; the same append may be repeated. Raises `LeaseLost` when the
        account is no longer the claim's, and `JournalMovedOn`.
        """
        if not records:
            return after
        self._do.write_quietly(self._append, claim, after, list(records), ends_clean)
        return after + len(records)

    def _append(
        self, connection: Connection, claim: Claim, after: int, records: list[str], ends_clean: bool
    ) -> None:
        insert = self._insert(claim, after, records, ends_clean)
        kept = connection.execute(insert.execution_options(preserve_rowcount=True)).rowcount
        if kept != len(records):
            _check_repeated(connection, claim, after, records)
        elif ends_clean:
            self._prune(connection, claim.event.account_id, after)

    def _insert(self, claim: Claim, after: int, records: list[str], ends_clean: bool) -> Insert:
        new = self._dialect.rows_of(records)
        seq, now = literal(after, BigInteger) + new.c.number, self._dialect.clock.now()
        is_clean_end = and_(seq == after + len(records), literal(ends_clean))
        later = exists().where(journal.c.account_id == events.c.account_id, journal.c.seq > after)
        kept = select(events.c.account_id, seq, events.c.token, now, new.c.text, is_clean_end)
        kept = kept.select_from(events.join(new, true())).where(_is_held(claim), ~later)
        # Locked: a sweep that would free the account for others passes it by until the commit.
        kept = kept.with_for_update(read=True, of=events)
        return journal.insert().from_select(_COLUMNS, kept)

    def _prune(self, connection: Connection, account_id: str, last: int) -> None:
        """What is before a clean end, and old: an open order is never among it."""
        old = journal.c.recorded_at < self._dialect.clock.now(-KEPT)
        mine = journal.c.account_id == account_id
        connection.execute(journal.delete().where(mine, journal.c.seq <= last, old))


def _is_held(claim: Claim) -> ColumnElement[bool]:
    """The claim's event, as long as the claim is its latest one and not over."""
    mine = and_(events.c.event_id == claim.event.event_id, events.c.token == claim.token)
    return and_(mine, equals(events.c.state, EventState.RUNNING))


def _recent(connection: Connection, account_id: str) -> Recent:
    mine = journal.c.account_id == account_id
    clean = select(func.max(journal.c.seq)).where(mine, journal.c.ends_clean).scalar_subquery()
    query = select(journal.c.seq, journal.c.record).where(mine)
    query = query.where(journal.c.seq >= func.coalesce(clean, 0)).order_by(journal.c.seq)
    rows = connection.execute(query).all()
    return Recent(rows[-1].seq if rows else 0, tuple(row.record for row in rows))


def _check_repeated(connection: Connection, claim: Claim, after: int, records: list[str]) -> None:
    """Return when these very records were appended before, under this claim."""
    held = select(events.c.event_id).where(_is_held(claim)).with_for_update(read=True)
    if connection.execute(held).scalar() is None:
        raise LeaseLost(claim)
    account_id = claim.event.account_id
    query = select(journal.c.token, journal.c.record).where(
        journal.c.account_id == account_id, journal.c.seq > after
    )
    found = [tuple(row) for row in connection.execute(query.order_by(journal.c.seq))]
    if found != [(claim.token, record) for record in records]:
        raise JournalMovedOn(account_id)
