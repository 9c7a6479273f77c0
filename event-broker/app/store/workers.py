"""The processes of the service, for people who want to know whether all of them are well."""

from __future__ import annotations

from sqlalchemy import Connection, select

from app.store.database import Database
from app.store.records import WorkerRecord
from app.store.rows import upsert, value_of
from app.store.schema import workers
from app.store.wake import Topic


class Workers:
    """Who works on this store. Not what leases depend on: those are renewed by themselves."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def register(self, worker: str, *, host: str, pid: int, role: str, version: str) -> None:
        """A process begins."""
        values = {"host": host, "pid": pid, "role": role, "version": version}
        self._do.write(Topic.RECORDS, self._register, worker, values)

    def beat(self, worker: str) -> None:
        """It is well."""
        self._do.write_quietly(self._beat, worker)

    def leave(self, worker: str) -> None:
        """It has ended in order."""
        self._do.write(Topic.RECORDS, _leave, worker)

    def list(self) -> tuple[WorkerRecord, ...]:
        """Including those that have vanished: look at `seen_at`."""
        return self._do.read(_all)

    def _register(self, connection: Connection, worker: str, values: dict[str, object]) -> bool:
        now = self._dialect.clock.now()
        upsert(
            connection, workers, {"worker": worker}, values | {"started_at": now, "seen_at": now}
        )
        return True

    def _beat(self, connection: Connection, worker: str) -> None:
        seen = workers.update().where(workers.c.worker == worker)
        connection.execute(seen.values(seen_at=self._dialect.clock.now()))


def _leave(connection: Connection, worker: str) -> bool:
    return connection.execute(workers.delete().where(workers.c.worker == worker)).rowcount == 1


def _all(connection: Connection) -> tuple[WorkerRecord, ...]:
    rows = connection.execute(select(workers).order_by(workers.c.worker)).mappings()
    return tuple(value_of(WorkerRecord, row) for row in rows)
