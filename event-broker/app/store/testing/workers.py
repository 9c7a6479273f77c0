"""Processes that work on a store, to be killed and stopped; and what must hold afterwards."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from multiprocessing.connection import Connection as Pipe
from typing import ParamSpec, TypeVar

from app.events import FINAL_STATES, Attempt, AttemptOutcome, EventState, LeaseLost
from app.store.errors import StoreUnavailable
from app.store.store import Store, open_store
from app.store.testing.events import arrival, claimed

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds that a worker waits for the database, or for a wake-up.
_PAUSE = 0.05


def work_off(url: str, worker: str, arrivals: int, accounts: int, lease: timedelta) -> None:
    """Enqueue `arrivals` events for the accounts in turn, and work until the queue is empty.

    Waits for a database that is away.
    """
    changed = threading.Event()
    with _patiently(open_store, url, lease=lease) as store:
        store.wake.subscribe(changed.set)
        for number in range(arrivals):
            new = arrival(f"DU{number % accounts}", source_ref=f"{worker}/{number}")
            _patiently(store.events.enqueue, new)
        while True:
            changed.clear()
            claim = _patiently(store.events.claim, worker)
            if claim is not None:
                _patiently(store.events.finish, claim, {"by": worker})
                continue
            _patiently(store.events.sweep)
            counts = _patiently(store.events.statistics)
            if counts.queue_length + counts.active_events_count == 0:
                return
            changed.wait(_PAUSE)


def hold_a_claim(url: str, worker: str, pipe: Pipe) -> None:
    """Claim an event and say so; when told to go on, try to renew and to finish it.

    Answers with the names of the errors.
    """
    with open_store(url) as store:
        claim = claimed(store, worker)
        pipe.send(claim.event.event_id)
        pipe.recv()
        errors = []
        for move in (
            lambda: store.events.heartbeat(claim),
            lambda: store.events.finish(claim, {"by": worker}),
        ):
            try:
                move()
            except LeaseLost as error:
                errors.append(type(error).__name__)
        pipe.send(errors)


def _patiently(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    while True:
        try:
            return work(*args, **kwargs)
        except StoreUnavailable:
            threading.Event().wait(_PAUSE)


def assert_every_event_ended_once(store: Store) -> None:
    """Each event is in one final state, was done once, and no account ran two at a time."""
    runs = defaultdict[str, list[Attempt]](list)
    for event in store.events.list(limit=100_000):
        attempts = store.events.attempts(event.event_id)
        outcomes = [attempt.outcome for attempt in attempts]
        assert event.state in FINAL_STATES, event
        assert outcomes.count(AttemptOutcome.DONE) == (event.state is EventState.DONE), attempts
        assert None not in outcomes, attempts
        runs[event.account_id].extend(attempts)
        if event.merged_into is not None:
            assert store.events.follow(event.event_id).state is EventState.DONE
    for attempts_of_account in runs.values():
        in_order = sorted(attempts_of_account, key=lambda attempt: attempt.started_at)
        for earlier, later in pairwise(in_order):
            assert earlier.finished_at is not None
            assert earlier.finished_at <= later.started_at, (earlier, later)
