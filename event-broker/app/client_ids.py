"""Client ids: one per account and purpose, allocated once and kept for good.

IBKR lets only the client id that placed an order cancel it, so the id must survive restarts: it is
what lets the next run cancel what a crashed run left working. Looking at an account uses a second
id, so that it never takes the seat of a run. The ids of one machine are a file; those of several
are in the store that they share (`app.shared_client_ids`).

The file is replaced as a whole, so a known id is read without its lock: a process that was stopped
while it allocated one holds up nobody but those who need a new one, and them not for ever.
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from app import file_lock

#: Below it are the ids that people type by hand; 0 is special at IBKR (binds manual orders).
FIRST_ID = 1001
#: The first one that a shared store gives: below it are those that machines have given out by
#: themselves, so that they can be taken over whenever a machine joins.
FIRST_SHARED_ID = 5001


class Purpose(StrEnum):
    """What a session is for."""

    TRADE = "trade"
    VIEW = "view"


class Key(NamedTuple):
    """Whose id it is, and what for."""

    #: An account's id, or the name of something else that has sessions of its own.
    holder: str
    purpose: Purpose

    def __str__(self) -> str:
        return f"{self.holder}/{self.purpose}"


class Conflict(NamedTuple):
    """An id that was given out in one place and cannot be the same in another."""

    key: Key
    client_id: int
    #: What the key has there.
    known: int | None
    #: Who has the id there.
    holder: Key | None


class ClientIdsError(Exception):
    """The ids cannot be used; they are never guessed. `passing` is True when that may change."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class ClientIds(Protocol):
    """Where ids come from."""

    def __call__(self, holder: str, purpose: Purpose) -> int:
        """The id of this holder and purpose, allocated if need be; from any thread.

        Raises `ClientIdsError` and `OSError`.
        """
        ...

    def prepare(self) -> None:
        """Find out whether they can be used; raises `ClientIdsError`, and others that pass."""
        ...


class ClientIdsFile:
    """The ids of one machine, safe across its processes."""

    def __init__(self, path: Path, *, lock_seconds: float) -> None:
        """`lock_seconds` is how long another process that allocates one is waited for."""
        self._path = path
        self._lock_seconds = lock_seconds

    def __call__(self, holder: str, purpose: Purpose) -> int:
        """The id, from the file or newly written to it.

        Raises `ClientIdsError` when the file is not what this module wrote: a fresh id would make
        the account's working orders look like somebody else's; and, as passing, when an id has to
        be allocated and another process keeps the file locked.
        """
        key = Key(holder, purpose)
        known = read_client_ids(self._path).get(key)
        return self._allocate(key) if known is None else known

    def _allocate(self, key: Key) -> int:
        try:
            with file_lock.held(self._path.with_suffix(".lock"), self._lock_seconds):
                ids = read_client_ids(self._path)
                if key not in ids:
                    ids[key] = max(ids.values(), default=FIRST_ID - 1) + 1
                    _write(self._path, ids)
                return ids[key]
        except file_lock.StillLocked as error:
            raise ClientIdsError(
                f"{error}, which it only does when it is stopped, and {key} has no client id yet: "
                "find out which process that is and end it",
                passing=True,
            ) from error

    def prepare(self) -> None:
        """Raise `ClientIdsError` when the file is damaged."""
        read_client_ids(self._path)


def read_client_ids(path: Path) -> dict[Key, int]:
    """The ids in the file, none when there is no file; raises `ClientIdsError`."""
    try:
        ids = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ClientIdsError(f"{path} is damaged ({error}); restore it from a backup") from error
    if not isinstance(ids, dict) or not all(isinstance(value, int) for value in ids.values()):
        raise ClientIdsError(f"{path} is damaged (not names and numbers); restore it from a backup")
    return {_key(name, path): number for name, number in ids.items()}


def _key(name: str, path: Path) -> Key:
    holder, _, purpose = name.rpartition("/")
    try:
        return Key(holder, Purpose(purpose))
    except ValueError as error:
        raise ClientIdsError(f"{path} is damaged ({error}); restore it from a backup") from error


def _write(path: Path, ids: dict[Key, int]) -> None:
    draft = path.with_suffix(".new")
    with draft.open("w") as file:
        json.dump({str(key): number for key, number in ids.items()}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
