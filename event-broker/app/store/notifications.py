"""Wake-ups through PostgreSQL's LISTEN and NOTIFY, on a connection of their own that comes back."""

from __future__ import annotations

import os
import select
import uuid
from collections.abc import Mapping
from contextlib import suppress

import psycopg
from sqlalchemy import Engine, bindparam, func
from sqlalchemy import select as select_
from sqlalchemy.exc import SQLAlchemyError

from app.store.wake import ALL_TOPICS, Topic, WakeUps

_CHANNEL = "rebalancer_events"
_TELL = select_(func.pg_notify(_CHANNEL, bindparam("told")))
#: Seconds between attempts to listen again while the server is away.
_RECONNECT = 0.5


class PostgresWakeUps(WakeUps):
    """Listens on a thread that sleeps in the kernel; tells others with a statement of its own.

    Not within the transaction that changes something: those that notify wait for each other's
    commits, each until it is on the disk.
    """

    def __init__(self, engine: Engine, options: Mapping[str, int]) -> None:
        super().__init__()
        self._engine = engine
        plain = engine.url.set(drivername="postgresql").update_query_dict(
            {name: str(value) for name, value in options.items()}
        )
        self._conninfo = plain.render_as_string(hide_password=False)
        self._name = uuid.uuid4().hex
        self._stopped, self._stopper = -1, -1

    def after_commit(self, topic: Topic) -> None:
        super().after_commit(topic)
        # The change is committed; the others look once a second.
        with suppress(SQLAlchemyError), self._engine.connect() as connection:
            connection.execute(_TELL, {"told": f"{topic} {self._name}"})

    def _prepare(self) -> None:
        self._stopped, self._stopper = os.pipe()

    def _listen(self) -> None:
        while not self._is_stopped():
            try:
                with psycopg.connect(self._conninfo, autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    self._wake(ALL_TOPICS)  # something may have happened before
                    self._pass_on(connection)
            except psycopg.Error:
                self._is_stopped(_RECONNECT)
        os.close(self._stopped)

    def _pass_on(self, connection: psycopg.Connection) -> None:
        while not self._is_stopped(None, connection.fileno()):
            connection.pgconn.consume_input()
            topics: set[Topic] = set()
            while (notify := connection.pgconn.notifies()) is not None:
                topic, _, name = notify.extra.decode().partition(" ")
                if name != self._name:
                    # Another version of this program may know other topics.
                    topics |= {Topic(topic)} if topic in ALL_TOPICS else ALL_TOPICS
            self._wake(topics)

    def _is_stopped(self, timeout: float | None = 0, *also: int) -> bool:
        """Wait for the end or for input on `also`."""
        return self._stopped in select.select([self._stopped, *also], [], [], timeout)[0]

    def _stop(self) -> None:
        os.write(self._stopper, b"\0")
        os.close(self._stopper)
