"""Firing exactly once: a schedule's verdict is carried out in one transaction with its mark.

Comes in: an entry's times and what to enqueue. Goes out: what fired, or what was missed. Several
services may do this on one store; one of them wins.
"""

from __future__ import annotations

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
    event: NewEvent | None,
    *,
    now: datetime,
    grace: timedelta,
) -> Fired | None:
    """Enqueue `event` when `times` are due; None when they are not, or somebody else did it.

    A schedule that is seen for the first time begins now.
    """
    mark = store.schedules.mark(name)
    if mark is None:
        store.schedules.fire(name, now)
        return None
    fired_at = mark.fired_at
    verdict = judge(times, now=now, fired_at=fired_at, grace=grace)
    if verdict.due is not None:
        is_ours = store.schedules.fire(name, verdict.due, event)
        fired = Fired(at=verdict.due, since=fired_at)
    elif verdict.missed is not None:
        # Up to here everything is over; what comes within the grace is still made up for.
        is_ours = store.schedules.fire(name, now - grace)
        fired = Fired(at=verdict.missed, since=fired_at, missed=True)
    else:
        return None
    return fired if is_ours else None
