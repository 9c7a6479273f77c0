"""Client ids: each number belongs to one holder and purpose, for good.

No two get one number, whoever asks at the same time: the schema says so, and who lost a race asks
again.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from app.client_ids import FIRST_SHARED_ID, Conflict, Key, Purpose
from app.store.database import Database
from app.store.schema import client_ids


class ClientIds:
    """The ids of everybody who shares the store."""

    def __init__(self, database: Database) -> None:
        self._do = database

    def all(self) -> dict[Key, int]:
        """Those that were given so far."""
        return self._do.read(_all)

    def allocate(self, key: Key) -> int:
        """Its id, the next free one when it had none."""
        return self._do.write_quietly(_allocate, key)

    def take_over(self, ids: Mapping[Key, int]) -> tuple[Conflict, ...]:
        """Give out the ids that were given elsewhere; all that stand against it, and then none.

        An id for looking that is no longer free is left: no order depends on it.
        """
        return self._do.write_quietly(_take_over, dict(ids))


def _all(connection: Connection) -> dict[Key, int]:
    rows = connection.execute(select(client_ids)).mappings()
    return {Key(row["holder"], Purpose(row["purpose"])): row["client_id"] for row in rows}


def _allocate(connection: Connection, key: Key) -> int:
    mine = (client_ids.c.holder == key.holder) & (client_ids.c.purpose == key.purpose)
    known: int | None = connection.execute(select(client_ids.c.client_id).where(mine)).scalar()
    if known is not None:
        return known
    last = func.coalesce(func.max(client_ids.c.client_id), FIRST_SHARED_ID - 1)
    number = select(last + 1).where(client_ids.c.client_id >= FIRST_SHARED_ID)
    new = client_ids.insert().values(
        holder=key.holder, purpose=key.purpose, client_id=number.scalar_subquery()
    )
    given: int = connection.execute(new.returning(client_ids.c.client_id)).scalar_one()
    return given


def _take_over(connection: Connection, ids: dict[Key, int]) -> tuple[Conflict, ...]:
    known = _all(connection)
    holders = {number: key for key, number in known.items()}
    conflicts: list[Conflict] = []
    new: list[dict[str, object]] = []
    # Those that trade first: what looks takes what is left.
    for key, number in sorted(ids.items(), key=lambda one: one[0].purpose is not Purpose.TRADE):
        if known.get(key) == number:
            continue
        if key not in known and number not in holders:
            holders[number] = key
            new.append({"holder": key.holder, "purpose": key.purpose, "client_id": number})
        elif key.purpose is Purpose.TRADE:
            conflicts.append(Conflict(key, number, known.get(key), holders.get(number)))
    if new and not conflicts:
        connection.execute(client_ids.insert(), new)
    return tuple(conflicts)
