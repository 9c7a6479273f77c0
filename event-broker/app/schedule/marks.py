"""Firing exactly once: a schedule's verdict is carried out in one transaction with its mark.

Comes in: an entry's times and what to enqueue. Goes out: what fired, or what was missed. Several
services may do this on one store; one of them wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.events import NewEvent
from app.settings.schedules import Times
from app.store import Store

from .times import judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """This process fired a schedule, or noticed that it was missed."""

    #: The scheduled time.
    at: datetime
    #: Up to when it had been taken care of before.
    since: datetime
    missed: bool = False


def fire_if_due(
    store: Store,
    name: str,
    times: Times,
    events: Sequence[NewEvent],
    *,
    now: datetime,
    grace: timedelta,
) -> Fired | None:
    """Enqueue `events` when `times` are due; None when they are not, or somebody else did it.

    A schedule that is seen for the first time begins now.
    """
    fired_at = store.schedules.fired_at(name)
    if fired_at is None:
        store.schedules.fire(name, now)
        return None
    verdict = judge(times, now=now, fired_at=fired_at, grace=grace)
    if verdict.due is not None:
        enqueued = store.schedules.fire(name, verdict.due, events)
        fired = Fired(at=verdict.due, since=fired_at)
    elif verdict.missed is not None:
        # Up to here everything is over; what comes within the grace is still made up for.
        enqueued = store.schedules.fire(name, now - grace)
        fired = Fired(at=verdict.missed, since=fired_at, missed=True)
    else:
        return None
    return None if enqueued is None else fired
