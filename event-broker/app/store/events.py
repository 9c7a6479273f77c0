"""The events of the store: what workers, commands and people do with them.

Every method is one transaction, may be called from any thread, and raises `StoreUnavailable` when
the database cannot be used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.dml import ReturningUpdate

from app.events import (
    Attempt,
    AttemptOutcome,
    Claim,
    Enqueued,
    Event,
    EventState,
    EventSummary,
    LeaseLost,
    NewEvent,
    StandsForOthers,
    Statistics,
    WrongState,
)
from app.store import event_rows, leases, outbox, queue, reading, runs, standing
from app.store.database import Database
from app.store.dialects import Dialect
from app.store.records import Letter, RunRecord, Standing
from app.store.schema import events
from app.store.statements import made_once
from app.store.sweeping import Sweeper
from app.store.wake import Topic


class Events:
    """The queue of events, and the events of the past."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        self._do = database
        self._dialect = database.dialect
        self.lease = lease
        self._sweeper = Sweeper(database, lease=lease)

    def enqueue(self, new: NewEvent) -> Enqueued:
        """Record an arrival; it merges into the waiting event of its account and command."""
        return self._do.write(Topic.EVENTS, queue.enqueue, self._dialect, new)

    # -- workers ----------------------------------------------------------------------------------

    def claim(
        self,
        worker: str,
        *,
        event_id: str | None = None,
    ) -> Claim | None:
        """Start the first event that is due, or this one; None when there is nothing to start.

        No event of an account starts while another one runs, and no rebalance of a paused account.
        """
        return self._do.write_quietly(
            leases.claim,
            self._dialect,
            worker=worker,
            lease=self.lease,
            event_id=event_id,
        )

    def heartbeat(self, claim: Claim) -> Claim:
        """Prolong the lease; raises `LeaseLost`."""
        held = self.heartbeat_all([claim])
        if not held:
            raise LeaseLost(claim)
        return held[0]

    def heartbeat_all(self, claims: Sequence[Claim]) -> tuple[Claim, ...]:
        """Prolong many leases at once; those that were lost are missing in the answer."""
        return self._do.write_quietly(leases.heartbeat, self._dialect, claims, self.lease)

    # A letter is in the outbox if, and only if, the outcome that it tells of is recorded.

    def finish(
        self,
        claim: Claim,
        result: Mapping[str, object],
        letter: Letter | None = None,
        *,
        run: RunRecord | None = None,
        is_preview: bool = False,
    ) -> Event:
        """The event is done, and its run or its preview is kept with it, both or neither.

        Raises `LeaseLost`.
        """
        ended = EventState.DONE, result, None, letter
        return self._do.write(Topic.EVENTS, self._end, claim, *ended, run, is_preview)

    def park(
        self,
        claim: Claim,
        error: str,
        result: Mapping[str, object] | None = None,
        letter: Letter | None = None,
    ) -> Event:
        """A person must look before this is tried again. Raises `LeaseLost`."""
        ended = EventState.NEEDS_ATTENTION, result, error, letter
        return self._do.write(Topic.EVENTS, self._end, claim, *ended)

    def retry(
        self, claim: Claim, error: str, delay: timedelta, letter: Letter | None = None
    ) -> Enqueued:
        """To the back of the queue until `delay` has passed, or into the waiting twin.

        Raises `LeaseLost`.
        """
        place = {"to_the_back": True, "counted": True, "delay": delay, "error": error}
        return self._back(claim, AttemptOutcome.RETRIED, letter, place)

    def hold(
        self,
        claim: Claim,
        not_before: datetime,
        reason: str,
        letter: Letter | None = None,
        *,
        is_closed: bool = False,
    ) -> Enqueued:
        """Wait in its place until then; not counted as a failure. Raises `LeaseLost`.

        The reason takes the place of the error of an attempt before. `is_closed`: the broker says
        that its market is, so the event is not older for it; `Standing` has the time.
        """
        place = {**_same_place(not_before, reason), "error": None, "is_closed": is_closed}
        return self._back(claim, AttemptOutcome.HELD, letter, place)

    def release(self, claim: Claim, reason: str | None = None) -> Enqueued:
        """Back to its place as if it had not been claimed. Raises `LeaseLost`."""
        return self._back(claim, AttemptOutcome.RELEASED, None, _same_place(None, reason))

    def sweep(self) -> tuple[Event, ...]:
        """Put back events whose workers vanished; returns them as they were while they ran.

        Call it about once a second, after the heartbeats of one's own claims.
        """
        return self._sweeper.sweep()

    # -- people -----------------------------------------------------------------------------------

    def cancel(self, event_id: str, reason: str | None = None, *, merged: int = 0) -> Event:
        """Take a waiting event out of the queue, with the `merged` others that it stands for.

        An arrival may merge into it at any moment. Whoever cancels says how many he knows of, so
        that nobody's word is cancelled unseen.

        Raises `UnknownEvent`, `WrongState`, and `StandsForOthers` when there are more or fewer.
        """
        return self._do.write(Topic.EVENTS, self._cancel, event_id, reason, merged)

    def dismiss(self, event_id: str, reason: str | None = None) -> Event:
        """A parked event needs nothing more. Raises `UnknownEvent`, `WrongState`."""
        return self._do.write(Topic.EVENTS, self._dismiss, event_id, reason)

    def requeue(self, event_id: str, reason: str | None = None) -> Enqueued:
        """Try a parked event again. Raises `UnknownEvent`, `WrongState`."""
        return self._do.write(Topic.EVENTS, self._requeue, event_id, reason)

    def merged_count(self, event_id: str) -> int:
        """How many events this one stands for; they were merged into it or into one of them."""
        return self._do.read(event_rows.merged_count, event_id)

    def get(self, event_id: str) -> Event:
        """Raises `UnknownEvent`."""
        return self._do.read(event_rows.find, event_id)

    def follow(self, event_id: str) -> Event:
        """The event, or the one that it was merged into and that goes on for it.

        Raises `UnknownEvent`.
        """
        return self._do.read(reading.follow, event_id)

    def standing(self, event_id: str, session_date: date | None) -> Standing:
        """What the store knows that decides whether it may be worked in that session."""
        return self._do.read(standing.standing, self._dialect, event_id, session_date)

    def list(
        self,
        *,
        limit: int = 100,
        states: Collection[EventState] | None = None,
        account_id: str | None = None,
    ) -> tuple[Event, ...]:
        """The newest first: those that were queued last."""
        return self._do.read(reading.list_events, limit, states, account_id)

    def summaries(
        self,
        *,
        limit: int = 100,
        states: Collection[EventState] | None = None,
        account_id: str | None = None,
    ) -> tuple[EventSummary, ...]:
        """The same without their results."""
        return self._do.read(reading.list_summaries, limit, states, account_id)

    def attempts(self, event_id: str) -> tuple[Attempt, ...]:
        """Every try at the event, the first one first."""
        return self._do.read(event_rows.attempts_of, event_id)

    def statistics(self) -> Statistics:
        return self._do.read(reading.statistics, self._dialect)

    # -- transactions -----------------------------------------------------------------------------

    def _end(
        self,
        connection: Connection,
        claim: Claim,
        state: EventState,
        result: Mapping[str, object] | None,
        error: str | None,
        letter: Letter | None,
        run: RunRecord | None = None,
        is_preview: bool = False,
    ) -> Event:
        outcome = AttemptOutcome.DONE if state is EventState.DONE else AttemptOutcome.PARKED
        values: dict[str, Any] = {"state": state, "error": error, **leases.mine(claim)}
        if result is not None:
            values["result"] = dict(result)
        ended = connection.execute(_ended(self._dialect), values).mappings().one_or_none()
        if ended is None:
            leases.require_recorded(connection, claim, outcome)
            return event_rows.find(connection, claim.event.event_id)
        self._conclude(connection, claim, outcome, letter, result=result, error=error)
        event = event_rows.event_of(ended)
        if run is not None:
            runs.record(connection, run)
        if is_preview and result is not None:
            runs.record_preview(
                connection, self._dialect, event.account_id, result, event_id=event.event_id
            )
        return event

    def _back(
        self,
        claim: Claim,
        outcome: AttemptOutcome,
        letter: Letter | None,
        place: Mapping[str, Any],
    ) -> Enqueued:
        return self._do.write(Topic.EVENTS, self._put_back, claim, outcome, letter, place)

    def _put_back(
        self,
        connection: Connection,
        claim: Claim,
        outcome: AttemptOutcome,
        letter: Letter | None,
        place: Mapping[str, Any],
    ) -> Enqueued:
        if not leases.lock_unless_recorded(connection, claim, outcome):
            return queue.where_it_went(connection, claim.event.event_id)
        self._conclude(connection, claim, outcome, letter, error=place.get("error"))
        return queue.put_back(connection, self._dialect, claim.event, **place)

    def _conclude(
        self,
        connection: Connection,
        claim: Claim,
        outcome: AttemptOutcome,
        letter: Letter | None,
        *,
        result: Mapping[str, object] | None = None,
        error: str | None = None,
    ) -> None:
        """The end of an attempt, and what is told of it."""
        leases.end_attempt(
            connection, self._dialect, claim.token, outcome, result=result, error=error
        )
        outbox.post(connection, self._dialect, claim.event.event_id, letter)

    def _cancel(
        self, connection: Connection, event_id: str, reason: str | None, merged: int
    ) -> Event:
        event = self._check(connection, event_id, EventState.QUEUED, "cancelled")
        found = event_rows.merged_count(connection, event_id)
        if found != merged:
            raise StandsForOthers(event, found)
        return self._take_out(connection, event_id, reason)

    def _dismiss(self, connection: Connection, event_id: str, reason: str | None) -> Event:
        self._check(connection, event_id, EventState.NEEDS_ATTENTION, "dismissed")
        return self._take_out(connection, event_id, reason)

    def _take_out(self, connection: Connection, event_id: str, reason: str | None) -> Event:
        values = {"state": EventState.CANCELLED, "reason": reason}
        event_rows.change(
            connection, event_id, {**values, "finished_at": self._dialect.clock.now()}
        )
        return event_rows.find(connection, event_id)

    def _requeue(self, connection: Connection, event_id: str, reason: str | None) -> Enqueued:
        event = self._check(connection, event_id, EventState.NEEDS_ATTENTION, "tried again")
        return queue.put_back(
            connection, self._dialect, event, to_the_back=True, counted=True, reason=reason
        )

    def _check(self, connection: Connection, event_id: str, needed: EventState, move: str) -> Event:
        event = event_rows.find(connection, event_id, lock=True)
        if event.state is not needed:
            raise WrongState(event, move, needed)
        return event


def _same_place(not_before: datetime | None, reason: str | None) -> dict[str, Any]:
    return {"to_the_back": False, "counted": False, "not_before": not_before, "reason": reason}


@made_once
def _ended(dialect: Dialect) -> ReturningUpdate[Any]:
    ended = events.update().where(leases.IS_MINE).values(finished_at=dialect.clock.now())
    return ended.values(queue.NO_LEASE).returning(*event_rows.EVENT_COLUMNS)
