"""Runs with their orders and fills, and previews: what was done to an account, or would be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Select, Table, func, select

from app.events import Command
from app.store.database import Database
from app.store.records import FillRecord, OrderRecord, PreviewRecord, RunRecord
from app.store.rows import row_of, upsert, value_of
from app.store.schema import fills, orders, previews, runs
from app.store.wake import Topic

_PARTS = ("orders", "fills")
R = TypeVar("R", OrderRecord, FillRecord)


class Runs:
    """Every run of every account."""

    def __init__(self, database: Database) -> None:
        self._do = database

    def record(self, run: RunRecord) -> None:
        """Keep the run as it is now; a later record of the same `run_id` replaces it."""
        self._do.write(Topic.RECORDS, _record, run)

    def get(self, run_id: str) -> RunRecord | None:
        found = self._do.read(_find, select(runs).where(runs.c.run_id == run_id))
        return found[0] if found else None

    def list(
        self, limit: int = 100, *, account_id: str | None = None, event_id: str | None = None
    ) -> tuple[RunRecord, ...]:
        """The newest first."""
        query = select(runs).order_by(runs.c.started_at.desc()).limit(limit)
        if account_id is not None:
            query = query.where(runs.c.account_id == account_id)
        if event_id is not None:
            query = query.where(runs.c.event_id == event_id)
        return self._do.read(_find, query)


def _record(connection: Connection, run: RunRecord) -> bool:
    values = {name: value for name, value in row_of(run).items() if name not in _PARTS}
    values["result"] = None if run.result is None else dict(run.result)
    is_new = upsert(connection, runs, {"run_id": values.pop("run_id")}, values)
    parts: tuple[tuple[Table, Sequence[OrderRecord | FillRecord]], ...] = (
        (orders, run.orders),
        (fills, run.fills),
    )
    for table, records in parts:
        if not is_new:
            connection.execute(table.delete().where(table.c.run_id == run.run_id))
        if records:
            rows = [{"run_id": run.run_id, **row_of(record)} for record in records]
            connection.execute(table.insert(), rows)
    return True


def _find(connection: Connection, query: Select[Any]) -> tuple[RunRecord, ...]:
    found = connection.execute(query).mappings().all()
    ids = [row["run_id"] for row in found]
    its_orders = _parts(connection, orders, OrderRecord, ids)
    its_fills = _parts(connection, fills, FillRecord, ids)
    return tuple(
        value_of(
            RunRecord,
            row,
            command=Command(row["command"]),
            orders=tuple(its_orders[row["run_id"]]),
            fills=tuple(its_fills[row["run_id"]]),
        )
        for row in found
    )


def _parts(
    connection: Connection, table: Table, kind: type[R], run_ids: Sequence[str]
) -> dict[str, list[R]]:
    query = select(table).where(table.c.run_id.in_(run_ids)).order_by(*table.primary_key)
    found = defaultdict[str, list[R]](list)
    for row in connection.execute(query).mappings():
        found[row["run_id"]].append(value_of(kind, row))
    return found


class Previews:
    """Every preview of every account."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def record(
        self, account_id: str, result: Mapping[str, object], *, event_id: str | None = None
    ) -> PreviewRecord:
        return self._do.write(
            Topic.RECORDS,
            self._record,
            account_id=account_id,
            event_id=event_id,
            result=dict(result),
        )

    def latest(self, account_id: str) -> PreviewRecord | None:
        found = self.list(1, account_id=account_id)
        return found[0] if found else None

    def latest_of_each(self) -> tuple[PreviewRecord, ...]:
        """One for every account that has any, by account id."""
        newest = select(func.max(previews.c.preview_id)).group_by(previews.c.account_id)
        query = select(previews).where(previews.c.preview_id.in_(newest))
        return self._do.read(_previews, query.order_by(previews.c.account_id))

    def list(self, limit: int = 100, *, account_id: str | None = None) -> tuple[PreviewRecord, ...]:
        """The newest first."""
        query = select(previews).order_by(previews.c.preview_id.desc()).limit(limit)
        if account_id is not None:
            query = query.where(previews.c.account_id == account_id)
        return self._do.read(_previews, query)

    def _record(self, connection: Connection, /, **values: object) -> PreviewRecord:
        insert = previews.insert().values(**values, created_at=self._dialect.clock.now())
        return _preview(connection.execute(insert.returning(previews)).mappings().one())


def _preview(row: RowMapping) -> PreviewRecord:
    return value_of(PreviewRecord, row)


def _previews(connection: Connection, query: Select[Any]) -> tuple[PreviewRecord, ...]:
    return tuple(_preview(row) for row in connection.execute(query).mappings())
