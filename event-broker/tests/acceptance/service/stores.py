"""A store that others keep from being written to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from .news import PATIENCE


@contextmanager
def nobody_writes(database_url: str) -> Iterator[None]:
    """For the block, nobody's event changes its state in the store."""
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=PATIENCE)
        connection.isolation_level = None
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
        connection.close()
        return
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE events IN EXCLUSIVE MODE")
        yield
