"""Runs with their orders and fills, and previews: what was done to an account, or would be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Numeric,
    RowMapping,
    Select,
    Table,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.sql.dml import ReturningInsert

from app.events import Command
from app.store.database import Database
from app.store.dialects import Dialect
from app.store.records import (
    FillRecord,
    OrderRecord,
    PreviewRecord,
    RunRecord,
    RunSummary,
    RunTally,
)
from app.store.rows import row_of, value_of
from app.store.schema import fills, orders, previews, runs
from app.store.statements import made_once
from app.store.wake import Topic

_PARTS = ("orders", "fills")
R = TypeVar("R", OrderRecord, FillRecord)


class Runs:
    """Every run of every account."""

    def __init__(self, database: Database) -> None:
        self._do = database

    def record(self, run: RunRecord) -> None:
        """Keep the run as it is now; a later record of the same `run_id` replaces it."""
        self._do.write(Topic.RECORDS, record, run)

    def get(self, run_id: str) -> RunRecord | None:
        found = self._do.read(_find, select(runs).where(runs.c.run_id == run_id))
        return found[0] if found else None

    def list(
        self, limit: int = 100, *, account_id: str | None = None, event_id: str | None = None
    ) -> tuple[RunRecord, ...]:
        """The newest first, with their results, orders and fills."""
        query = _newest(select(runs), limit, account_id)
        if event_id is not None:
            query = query.where(runs.c.event_id == event_id)
        return self._do.read(_find, query)

    def summaries(
        self, limit: int = 100, *, account_id: str | None = None
    ) -> tuple[RunSummary, ...]:
        """The newest first, without results, orders and fills."""
        return self._do.read(_summaries, _newest(select(*_IN_A_LINE), limit, account_id))

    def tally(self, command: Command, since: datetime, until: datetime) -> RunTally:
        """Runs of the command that began at `since` or later, and before `until`, in numbers."""
        return self._do.read(_tally, command, since, until)

    def latest_rebalances(self) -> dict[str, datetime]:
        """The start of the latest rebalance of every account that has any."""
        return self._do.read(_latest_rebalances)


def record(connection: Connection, run: RunRecord) -> bool:
    values = {name: value for name, value in row_of(run).items() if name not in _PARTS}
    values["result"] = None if run.result is None else dict(run.result)
    is_new = connection.execute(_CHANGE, values | {"of_run": run.run_id}).rowcount == 0
    if is_new:  # two that add it at once: one loses the race
        connection.execute(_ADD, values)
    parts: dict[Table, Sequence[OrderRecord | FillRecord]] = {orders: run.orders, fills: run.fills}
    for table, records in parts.items():
        if not is_new:
            connection.execute(_REMOVE[table], {"of_run": run.run_id})
        if records:
            rows = [{"run_id": run.run_id, **row_of(record)} for record in records]
            connection.execute(_ADD_PARTS[table], rows)
    return True


_CHANGE = runs.update().where(runs.c.run_id == bindparam("of_run"))
_ADD = runs.insert()
_REMOVE = {
    table: table.delete().where(table.c.run_id == bindparam("of_run")) for table in (orders, fills)
}
_ADD_PARTS = {table: table.insert() for table in (orders, fills)}


_IN_A_LINE = [runs.c[field.name] for field in fields(RunSummary)]


def _newest(query: Select[Any], limit: int, account_id: str | None) -> Select[Any]:
    query = query.order_by(runs.c.started_at.desc()).limit(limit)
    return query if account_id is None else query.where(runs.c.account_id == account_id)


def _summaries(connection: Connection, query: Select[Any]) -> tuple[RunSummary, ...]:
    rows = connection.execute(query).mappings()
    return tuple(value_of(RunSummary, row, command=Command(row["command"])) for row in rows)


def _tally(connection: Connection, command: Command, since: datetime, until: datetime) -> RunTally:
    wanted = runs.c.command == command, runs.c.started_at >= since, runs.c.started_at < until
    by_status = select(runs.c.status, func.count()).where(*wanted).group_by(runs.c.status)
    counts = {row[0]: row[1] for row in connection.execute(by_status)}
    traded = cast(orders.c.filled_quantity, Numeric) > 0
    trades = select(func.count()).select_from(orders.join(runs)).where(*wanted, traded)
    return RunTally(by_status=counts, trades=connection.execute(trades).scalar_one())


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


def _latest_rebalances(connection: Connection) -> dict[str, datetime]:
    query = select(runs.c.account_id, func.max(runs.c.started_at)).group_by(runs.c.account_id)
    rows = connection.execute(query.where(runs.c.command == Command.REBALANCE))
    return {row[0]: row[1] for row in rows}


class Previews:
    """Every preview of every account."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def record(
        self, account_id: str, result: Mapping[str, object], *, event_id: str | None = None
    ) -> PreviewRecord:
        return self._do.write(
            Topic.RECORDS, record_preview, self._dialect, account_id, result, event_id=event_id
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


def record_preview(
    connection: Connection,
    dialect: Dialect,
    account_id: str,
    result: Mapping[str, object],
    *,
    event_id: str | None,
) -> PreviewRecord:
    values = {"account_id": account_id, "event_id": event_id, "result": dict(result)}
    return _preview(connection.execute(_add_preview(dialect), values).mappings().one())


@made_once
def _add_preview(dialect: Dialect) -> ReturningInsert[Any]:
    return previews.insert().values(created_at=dialect.clock.now()).returning(previews)


def _preview(row: RowMapping) -> PreviewRecord:
    return value_of(PreviewRecord, row)


def _previews(connection: Connection, query: Select[Any]) -> tuple[PreviewRecord, ...]:
    return tuple(_preview(row) for row in connection.execute(query).mappings())
