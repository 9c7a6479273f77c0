"""Client ids of machines that share a store: allocated there, and the same on each of them.

What a machine has in its file from the time when it was alone, or shared a disk, is taken over
first. Where that contradicts the store nothing is guessed: either id may have placed orders.
"""

from __future__ import annotations

import threading
from pathlib import Path

from app.client_ids import (
    ClientIds,
    ClientIdsError,
    ClientIdsFile,
    Conflict,
    Key,
    Purpose,
    read_client_ids,
)
from app.settings import Settings
from app.store import Store, StoreUnavailable


def client_ids_of(store: Store, settings: Settings, *, lock_seconds: float) -> ClientIds:
    """Where the ids of those come from who work on this store; of a file they wait for its lock."""
    if store.is_shared:
        return SharedClientIds(store, settings.client_ids_file)
    return ClientIdsFile(settings.client_ids_file, lock_seconds=lock_seconds)


class SharedClientIds:
    """The ids in a store; `file` is this machine's of earlier days, which may be there."""

    def __init__(self, store: Store, file: Path) -> None:
        self._store = store
        self._file = file
        self._lock = threading.Lock()
        #: Those that were seen; an id never changes. None until the file is taken over.
        self._known: dict[Key, int] | None = None

    def __call__(self, holder: str, purpose: Purpose) -> int:
        """The id, newly allocated if need be; raises `ClientIdsError` and `OSError`."""
        key = Key(holder, purpose)
        try:
            known = self._all()
            if key not in known:
                known[key] = self._store.client_ids.allocate(key)
        except StoreUnavailable as error:
            raise ClientIdsError(str(error), passing=True) from error
        return known[key]

    def prepare(self) -> None:
        """Take the file over, if that was not done.

        Raises `ClientIdsError`, `OSError` and `StoreUnavailable`.
        """
        self._all()

    def _all(self) -> dict[Key, int]:
        with self._lock:
            if self._known is None:
                self._take_over(read_client_ids(self._file))
                self._known = self._store.client_ids.all()
            return self._known

    def _take_over(self, ids: dict[Key, int]) -> None:
        conflicts = self._store.client_ids.take_over(ids) if ids else ()
        if conflicts:
            raise ClientIdsError(
                f"{self._file} and the store {self._store.place} contradict each other: "
                f"{'; '.join(map(_in_words, conflicts))}. Either id may have placed orders that "
                "still work: look at these accounts at the broker, cancel what works by hand, then "
                "move the file away; the ids of the store are used from then on"
            )


def _in_words(conflict: Conflict) -> str:
    if conflict.known is not None:
        return f"{conflict.key} has {conflict.client_id} in the file and {conflict.known} there"
    return (
        f"{conflict.key} has {conflict.client_id} in the file, which is {conflict.holder}'s there"
    )
