"""For tests of the store and on it: an adjustable clock, PostgreSQL without an installation."""

from app.store.testing.clock import AdjustableClock
from app.store.testing.events import arrival, claimed
from app.store.testing.postgres import (
    PostgresServer,
    create_database,
    drop_database,
    empty_tables,
)

__all__ = [
    "AdjustableClock",
    "PostgresServer",
    "arrival",
    "claimed",
    "create_database",
    "drop_database",
    "empty_tables",
]
