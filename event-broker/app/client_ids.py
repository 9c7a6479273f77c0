"""Client ids: one per account and purpose, allocated once and kept for good.

IBKR lets only the client id that placed an order cancel it, so the id must survive restarts: it is
what lets the next run cancel what a crashed run left working. Looking at an account uses a second
id, so that it never takes the seat of a run.

The file is replaced as a whole, so a known id is read without its lock: a process that was stopped
while it allocated one holds up nobody but those who need a new one, and them not for ever.
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path

from app import file_lock

#: Below it are the ids that people type by hand; 0 is special at IBKR (binds manual orders).
FIRST_ID = 1001


class Purpose(StrEnum):
    """What a session is for."""

    TRADE = "trade"
    VIEW = "view"


class ClientIdsError(Exception):
    """The file of client ids cannot be used; ids are never guessed.

    `passing` is True when it may be the next time.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


def client_id(path: Path, account_id: str, purpose: Purpose, *, lock_seconds: float) -> int:
    """The id of this account and purpose, from the file or newly written to it.

    Safe across processes. Raises `ClientIdsError` when the file is not what this module wrote:
    a fresh id would make the account's working orders look like somebody else's; and, as passing,
    when an id has to be allocated and another process has kept the file locked for `lock_seconds`.
    """
    key = f"{account_id}/{purpose}"
    known = _read(path).get(key)
    return _allocate(path, key, lock_seconds) if known is None else known


def _allocate(path: Path, key: str, lock_seconds: float) -> int:
    try:
        with file_lock.held(path.with_suffix(".lock"), lock_seconds):
            ids = _read(path)
            if key not in ids:
                ids[key] = max(ids.values(), default=FIRST_ID - 1) + 1
                _write(path, ids)
            return ids[key]
    except file_lock.StillLocked as error:
        raise ClientIdsError(
            f"{error}, which it only does when it is stopped, and {key} has no client id yet: find "
            "out which process that is and end it",
            passing=True,
        ) from error


def _read(path: Path) -> dict[str, int]:
    try:
        ids = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ClientIdsError(f"{path} is damaged ({error}); restore it from a backup") from error
    if not isinstance(ids, dict) or not all(isinstance(value, int) for value in ids.values()):
        raise ClientIdsError(f"{path} is damaged (not names and numbers); restore it from a backup")
    return ids


def _write(path: Path, ids: dict[str, int]) -> None:
    draft = path.with_suffix(".new")
    with draft.open("w") as file:
        json.dump(ids, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
