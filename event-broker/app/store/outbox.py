"""The outbox: what people are told of outcomes, written together with them, until it is delivered.

A letter belongs to the sender that wrote it, who changes its beat as long as he is at work on it.
Whoever finds the beat of another's letter unchanged for long enough takes it over: of
several, one. The clocks of two machines are never compared for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Connection, Update, select

from app.store.database import Database
from app.store.dialects import Dialect
from app.store.records import Letter, LetterOutcome, OpenLetter
from app.store.rows import value_of
from app.store.schema import outbox

#: Told after a day, a result would mislead more than it helps; the store has it for good.
TOO_OLD = timedelta(days=1)
#: At one look, oldest first; what is beyond waits for the next one.
_AT_ONCE = 1000

_OPEN = outbox.c.outcome.is_(None)


def post(connection: Connection, dialect: Dialect, event_id: str, letter: Letter | None) -> None:
    """Part of the transaction that records the outcome."""
    if letter is None:
        return
    connection.execute(
        outbox.insert().values(
            key=letter.key,
            event_id=event_id,
            kind=letter.kind,
            title=letter.title,
            body=letter.body,
            created_at=dialect.clock.now(),
            sender=letter.sender,
            beat=0,
        )
    )


class Outbox:
    """Letters on their way. What is changed here is waited for by nobody."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def open(self) -> tuple[OpenLetter, ...]:
        """Everything that is not settled, anybody's, oldest first."""
        return self._do.read(_open)

    def beat(self, sender: str, keys: Collection[str]) -> None:
        """The sender is there, and at work on these letters, as far as they are its own."""
        mine = outbox.update().where(outbox.c.key.in_(keys), outbox.c.sender == sender, _OPEN)
        self._do.write_quietly(_execute, mine.values(beat=outbox.c.beat + 1))

    def settle(self, outcomes: Mapping[str, LetterOutcome]) -> None:
        """These letters, by their keys, need nothing more."""
        self._do.write_quietly(self._settle, dict(outcomes))

    def release(self, sender: str) -> None:
        """The sender ends; others need not wait until they notice."""
        mine = outbox.update().where(outbox.c.sender == sender, _OPEN)
        self._do.write_quietly(_execute, mine.values(sender=None, beat=outbox.c.beat + 1))

    def take(self, seen: Sequence[OpenLetter], sender: str) -> tuple[Letter, ...]:
        """Take over those of them that have not changed since; what is too old is settled."""
        return self._do.write_quietly(self._take, tuple(seen), sender)

    def _settle(self, connection: Connection, outcomes: dict[str, LetterOutcome]) -> None:
        for outcome in LetterOutcome:
            keys = [key for key, told in outcomes.items() if told is outcome]
            if keys:
                values = {"outcome": outcome, "settled_at": self._dialect.clock.now()}
                letters = outbox.update().where(outbox.c.key.in_(keys), _OPEN)
                connection.execute(letters.values(values))

    def _take(
        self, connection: Connection, seen: tuple[OpenLetter, ...], sender: str
    ) -> tuple[Letter, ...]:
        now = self._dialect.clock.now
        old = outbox.c.created_at < now(-TOO_OLD)
        expired = {"outcome": LetterOutcome.EXPIRED, "settled_at": now()}
        taken: list[Letter] = []
        for letter in seen:
            unchanged = (outbox.c.key == letter.key, outbox.c.beat == letter.beat, _OPEN)
            if connection.execute(outbox.update().where(*unchanged, old).values(expired)).rowcount:
                continue
            mine = outbox.update().where(*unchanged)
            mine = mine.values(sender=sender, beat=outbox.c.beat + 1)
            rows = connection.execute(mine.returning(outbox)).mappings()
            taken.extend(value_of(Letter, row) for row in rows)
        return tuple(taken)


def _execute(connection: Connection, statement: Update) -> None:
    connection.execute(statement)


def _open(connection: Connection) -> tuple[OpenLetter, ...]:
    query = select(outbox).where(_OPEN).order_by(outbox.c.created_at).limit(_AT_ONCE)
    return tuple(value_of(OpenLetter, row) for row in connection.execute(query).mappings())
