"""Keeps the leases of claimed events alive, and lets go of those that were lost.

Comes in: claims. Goes out: extensions for their account processes. While the store is away nothing
is extended, and the processes stop by themselves in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import structlog

from app.account_process.lease import Lease
from app.events import Claim
from app.store import Store, StoreUnavailable

_log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0
#: Orders stop so long before somebody else may have the account: an order on its way takes time.
MARGIN_SECONDS = 0.5


class Held(NamedTuple):
    """An event that is being worked."""

    claim: Claim
    lease: Lease
    #: Set when the work has to end in order.
    stop: asyncio.Event


class LeaseKeeper:
    """All leases of one process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: dict[str, Held] = {}

    @property
    def held(self) -> tuple[Held, ...]:
        """What is being worked now."""
        return tuple(self._held.values())

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[Held]:
        """For the block the lease is kept alive, as long as that is possible."""
        held = Held(claim, Lease(claim.lease_until - MARGIN_SECONDS), asyncio.Event())
        self._held[claim.token] = held
        try:
            yield held
        finally:
            del self._held[claim.token]

    async def run(self) -> None:
        """Prolong all leases once a beat, then put back events whose workers have vanished.

        Nothing ends it but being cancelled: without it, what is claimed would be lost for ever.
        """
        while True:
            try:
                with suppress(StoreUnavailable):
                    await self._beat()
                    await self._store.call(self._store.events.sweep)
            except Exception:
                # What is not prolonged stops by itself; the next beat may be better.
                _log.exception("leases.fault")
            await asyncio.sleep(BEAT_SECONDS)

    async def _beat(self) -> None:
        before = self.held
        if not before:
            return
        claims = [one.claim for one in before]
        kept = await self._store.call(self._store.events.heartbeat_all, claims)
        until = {claim.token: claim.lease_until for claim in kept}
        for one in before:
            if one.claim.token in until:
                one.lease.extend(until[one.claim.token] - MARGIN_SECONDS)
            elif one.claim.token in self._held:
                # Somebody else may have the account.
                one.stop.set()
