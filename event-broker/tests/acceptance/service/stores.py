"""A store that others keep from being written to, and the run journals in it or beside it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from .news import PATIENCE


@contextmanager
def nobody_writes(database_url: str, *, but_journals: bool = False) -> Iterator[None]:
    """For the block, nobody's event changes its state in the store.

    With `but_journals` runs write down in it what they do; in files they always can.
    """
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=PATIENCE)
        connection.isolation_level = None
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
        connection.close()
        return
    with psycopg.connect(database_url) as locking:
        # The weaker one lets events be locked, which is what a journal needs.
        mode = "SHARE ROW EXCLUSIVE" if but_journals else "EXCLUSIVE"
        locking.execute(f"LOCK TABLE events IN {mode} MODE")
        yield


@contextmanager
def nobody_appends(database_url: str, account_id: str, number: int) -> Iterator[None]:
    """For the block, whoever would write this record of the account's journal waits, holding the
    account's event; nobody else is held up.
    """
    with psycopg.connect(database_url) as ahead:
        ahead.execute(
            "INSERT INTO journal (account_id, seq, token, recorded_at, record, ends_clean)"
            " VALUES (%s, %s, 'of the test', now(), '{}', false)",
            (account_id, number),
        )
        yield
        # With the server its transaction has ended.
        with suppress(psycopg.OperationalError):
            ahead.rollback()


def waits_for_another(database_url: str) -> bool:
    """Whether a statement of somebody waits for the end of somebody else's transaction."""
    with psycopg.connect(database_url) as looking:
        waiting = looking.execute(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        return waiting.fetchone() is not None


Records = Callable[[str], list[dict[str, Any]]]
"""The records of an account's journal, oldest first, as plain JSON."""


def journals_of(database_url: str, home: Path) -> Records:
    """In the database of several machines; and in the files of the one with this home."""
    directory = home / "data" / "simulation" / "journal"

    def read(account_id: str) -> list[dict[str, Any]]:
        path = directory / f"{account_id}.jsonl"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        if database_url.startswith("postgresql"):
            lines += _lines_in(database_url, account_id)
        return [json.loads(line) for line in lines]

    return read


def _lines_in(database_url: str, account_id: str) -> list[str]:
    with psycopg.connect(database_url) as reading:
        rows = reading.execute(
            "SELECT record FROM journal WHERE account_id = %s ORDER BY seq", (account_id,)
        )
        return [str(record) for (record,) in rows]
