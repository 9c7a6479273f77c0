"""Client ids: one per account and purpose, allocated once and kept for good.

IBKR lets only the client id that placed an order cancel it, so the id must survive restarts: it is
what lets the next run cancel what a crashed run left working. Looking at an account uses a second
id, so that it never takes the seat of a run.
"""

from __future__ import annotations

import fcntl
import json
import os
from enum import StrEnum
from pathlib import Path

#: Below it are the ids that people type by hand; 0 is special at IBKR (binds manual orders).
FIRST_ID = 1001


class Purpose(StrEnum):
    """What a session is for."""

    TRADE = "trade"
    VIEW = "view"


class ClientIdsError(Exception):
    """The file of client ids cannot be used; ids are never guessed."""


def client_id(path: Path, account_id: str, purpose: Purpose) -> int:
    """The id of this account and purpose, from the file or newly written to it.

    Safe across processes. Raises `ClientIdsError` when the file is not what this module wrote:
    a fresh id would make the account's working orders look like somebody else's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        ids = _read(path)
        key = f"{account_id}/{purpose}"
        if key not in ids:
            ids[key] = max(ids.values(), default=FIRST_ID - 1) + 1
            _write(path, ids)
        return ids[key]


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
