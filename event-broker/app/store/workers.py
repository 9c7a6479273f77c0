"""The processes of the service, for people who want to know whether all of them are well."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from app.store.database import Database
from app.store.records import WorkerRecord
from app.store.rows import upsert, value_of
from app.store.schema import workers
from app.store.wake import Topic

#: Processes say every five seconds that they are there; three times may be late or lost.
_PRESENT = timedelta(seconds=20)
#: Nobody asks after one that vanished so long ago.
_REMEMBERED = timedelta(days=7)
#: Roles that claim events.
_WORKING = frozenset({"worker", "all"})


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

    def present(self) -> tuple[WorkerRecord, ...]:
        """Those that were seen lately."""
        return self._do.read(self._present)

    def at_work(self) -> int:
        """How many of those that were seen lately work events."""
        return sum(worker.role in _WORKING for worker in self.present())

    def _present(self, connection: Connection) -> tuple[WorkerRecord, ...]:
        lately = self._dialect.clock.now(-_PRESENT)
        query = select(workers).where(workers.c.seen_at > lately).order_by(workers.c.worker)
        rows = connection.execute(query).mappings()
        return tuple(value_of(WorkerRecord, row) for row in rows)

    def _register(self, connection: Connection, worker: str, values: dict[str, object]) -> bool:
        now = self._dialect.clock.now()
        forgotten = self._dialect.clock.now(-_REMEMBERED)
        connection.execute(workers.delete().where(workers.c.seen_at < forgotten))
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
