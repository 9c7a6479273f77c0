"""For tests of the store and on it: an adjustable clock, PostgreSQL without an installation."""

from app.store.testing.clock import AdjustableClock
from app.store.testing.events import arrival, claimed
from app.store.testing.postgres import (
    PostgresServer,
    create_database,
    drop_database,
    empty_tables,
)
from app.store.testing.workers import assert_every_event_ended_once, hold_a_claim, work_off

__all__ = [
    "AdjustableClock",
    "PostgresServer",
    "arrival",
    "assert_every_event_ended_once",
    "claimed",
    "create_database",
    "drop_database",
    "empty_tables",
    "hold_a_claim",
    "work_off",
]
