"""Claims events and has them worked, so many at a time, each under a lease that it keeps alive.

Comes in: wake-ups of the store. Goes out: settled events. It never works an event without a lease:
one that cannot be prolonged stops its account process by itself (`account_process.lease`), and what
that brings back is then somebody else's to record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, suppress
from typing import Any

import structlog

from app.events import Claim, LeaseLost
from app.store import Store, StoreUnavailable, Topic

from .leases import LeaseKeeper
from .patience import insist
from .trading_executor import Progress, TradingExecutor
from .waking import Waking

_log = structlog.get_logger(__name__)


class Worker:
    """One process's share of the work."""

    def __init__(
        self,
        name: str,
        store: Store,
        executor: TradingExecutor,
        *,
        places: Callable[[], int],
        progress_of: Callable[[str], AbstractContextManager[Progress]],
        at_rest: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`places` is how many events may run at a time, `progress_of` who hears of an event, and
        `at_rest` is called again and again while none runs; neither events nor the end wait for it.
        """
        self.name = name
        self._store = store
        self._executor = executor
        self._places = places
        self._progress_of = progress_of
        self._at_rest = at_rest
        self._leases = LeaseKeeper(store)
        self._tasks: set[asyncio.Task[None]] = set()
        self._resting: asyncio.Future[None] | None = None
        self._waking = Waking(store, Topic.EVENTS)

    @property
    def running(self) -> tuple[Claim, ...]:
        """What is being worked now."""
        return tuple(held.claim for held in self._leases.held)

    async def run(
        self, end: asyncio.Event, *, hurry: asyncio.Event, grace_seconds: Callable[[], float]
    ) -> None:
        """Work until `end` is set; then finish what runs within the grace period, or hand it over.

        `hurry` ends the grace period. Always returns with nothing running.
        """
        keeping = asyncio.create_task(self._leases.run())
        try:
            await self._work_until(end)
            await self._finish(hurry, grace_seconds())
            self._look_at_rest()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._resting is not None:
                self._resting.cancel()
                await asyncio.wait({self._resting})
            await asyncio.gather(*self._tasks, return_exceptions=True)
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def _work_until(self, end: asyncio.Event) -> None:
        with self._waking.listening(end):
            while not end.is_set():
                self._waking.listen_from_now()
                await self._claim_what_is_due()
                self._rest()
                await self._waking.wait()

    def _rest(self) -> None:
        self._look_at_rest()
        if self._at_rest is not None and self._resting is None and not self._tasks:
            self._resting = asyncio.ensure_future(self._at_rest())

    def _look_at_rest(self) -> None:
        """A fault in what was done at rest is the worker's own."""
        if self._resting is not None and self._resting.done():
            resting, self._resting = self._resting, None
            resting.result()

    async def _claim_what_is_due(self) -> None:
        while len(self._tasks) < self._places():
            try:
                claim = await self._store.call(self._store.events.claim, self.name)
            except StoreUnavailable as error:
                _log.warning("worker.store_unavailable", error=str(error))
                return
            if claim is None:
                return
            self._begin(claim)

    def _begin(self, claim: Claim) -> None:
        task = asyncio.create_task(self._work(claim), name=claim.event.event_id)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # A place is free, and another event of the account may start.
        self._waking.wake()

    async def _work(self, claim: Claim) -> None:
        event = claim.event
        about = {"event_id": event.event_id, "account_id": event.account_id}
        log = _log.bind(**about, command=event.command.value)
        log.info("event.started", times_queued=event.times_queued, source=event.source.value)
        try:
            with (
                self._leases.holding(claim) as held,
                self._progress_of(event.event_id) as on_progress,
            ):
                answer = await self._executor.execute(
                    claim, lease=held.lease, stop=held.stop, on_progress=on_progress
                )
            log.info("event.settled", move=answer.attempt.move if answer.attempt else "not begun")
        except LeaseLost as error:
            log.warning("event.lease_lost", error=str(error))
        except Exception as error:
            log.exception("event.fault")
            await self._park_after_fault(claim, error)

    async def _park_after_fault(self, claim: Claim, error: Exception) -> None:
        reason = f"a fault in the program: {type(error).__name__}: {error}; see the log"
        with suppress(LeaseLost):
            await insist(self._store, self._store.events.park, claim, reason)

    async def _finish(self, hurry: asyncio.Event, grace_seconds: float) -> None:
        if self._tasks:
            _log.info("worker.finishing", running=len(self._tasks), grace_seconds=grace_seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await _first(hurry.wait(), asyncio.wait(self._tasks))
        for held in self._leases.held:
            held.stop.set()
        if self._tasks:
            # Each ends by itself: an account process that is told to end is killed after a while.
            await asyncio.wait(self._tasks)


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when one of them does."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
