"""What must survive: events, messages, runs, controls. In SQLite, or in PostgreSQL to be shared."""

from app.store.errors import StoreDamaged, StoreError, StoreTooNew, StoreUnavailable
from app.store.store import LEASE, Store, open_store
from app.store.wake import Topic

__all__ = [
    "LEASE",
    "Store",
    "StoreDamaged",
    "StoreError",
    "StoreTooNew",
    "StoreUnavailable",
    "Topic",
    "open_store",
]
