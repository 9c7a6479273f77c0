"""Keeps the run journal of a claimed event's account process in the store, for as long as the claim
is the latest one: a run whose account somebody else may have gets no for an answer, and sends
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from app.account_process.journal_pipe import NotKept
from app.events import Claim, LeaseLost
from app.store import Store, StoreError

from .patience import insist

P = ParamSpec("P")
T = TypeVar("T")

#: A store that comes back within this was hardly away. Shorter than the account process waits, so
#: that it is told the reason.
_PATIENCE_SECONDS = 2.0


class StoreJournalKeeper:
    """Passes records on between one account process and the store."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self._store = store
        self._claim = claim
        #: Where the journal ends, as far as this run knows.
        self._end = 0

    async def recent(self) -> tuple[str, ...]:
        """What the run has to know of earlier ones."""
        found = await self._do(self._store.journal.recent, self._claim.event.account_id)
        self._end = found.seq
        return found.records

    async def append(self, records: Sequence[str], *, ends_clean: bool) -> None:
        """Return when they are in the store."""
        append = self._store.journal.append
        self._end = await self._do(append, self._claim, self._end, records, ends_clean=ends_clean)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await insist(self._store, work, *args, **kwargs)
        except TimeoutError as error:
            place = self._store.place
            raise NotKept(f"the store {place} cannot be used now", passing=True) from error
        except LeaseLost as error:
            raise NotKept(str(error), passing=True) from error
        except StoreError as error:
            raise NotKept(str(error)) from error
