"""Out of the queue: claims, heartbeats and outcomes.

A claim is a lease with a fencing token. An outcome is recorded only under the latest token of its
event, so a worker that slept past its lease can neither close nor prolong what somebody else runs
now. An outcome that is recorded already is accepted again: its worker may not have heard of the
commit.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.sql.dml import ReturningUpdate

from app.events import AttemptOutcome, Claim, Command, Event, EventState, LeaseLost
from app.store.dialects import Dialect
from app.store.event_rows import EVENT_COLUMNS, event_of
from app.store.queue import put_back
from app.store.schema import EVERY_ACCOUNT, attempts, equals, events, pauses
from app.store.statements import made_once

_others = events.alias("others")


def may_start() -> ColumnElement[bool]:
    """Waiting, with no run of its account, and not a rebalance of a paused account."""
    account_runs = exists().where(
        _others.c.account_id == events.c.account_id, equals(_others.c.state, EventState.RUNNING)
    )
    return and_(
        equals(events.c.state, EventState.QUEUED),
        not_(account_runs),
        or_(events.c.command != Command.REBALANCE, not_(exists().where(may_pause()))),
    )


def may_pause() -> ColumnElement[bool]:
    """A pause of the event's account, or of all accounts."""
    return pauses.c.account_id.in_([events.c.account_id, EVERY_ACCOUNT])


def claim(
    connection: Connection,
    dialect: Dialect,
    *,
    worker: str,
    lease: timedelta,
    event_id: str | None,
) -> Claim | None:
    """The first event in the queue that is due and may start, or this one."""
    deadline, token = dialect.clock.boot() + lease.total_seconds(), uuid.uuid4().hex
    by_whom = {"worker": worker, "token": token}
    start = _start(dialect, lease, event_id is not None)
    row = connection.execute(start, {**by_whom, "chosen": event_id}).mappings().one_or_none()
    if row is None:
        return None
    event = event_of(row)
    of_event = {"event_id": event.event_id, "of_event": event.event_id}
    connection.execute(_BEGIN_ATTEMPT, {**by_whom, **of_event, "started_at": event.started_at})
    return Claim(event=event, token=token, lease_until=deadline)


@made_once
def _start(dialect: Dialect, lease: timedelta, one: bool) -> ReturningUpdate[Any]:
    clock = dialect.clock
    due = or_(events.c.not_before.is_(None), events.c.not_before <= clock.now())
    first = select(events.c.event_id).where(may_start(), due).order_by(events.c.seq).limit(1)
    if one:
        first = first.where(events.c.event_id == bindparam("chosen"))
    # Of its own, for it is asked once: it does not look at the row that is changed.
    first = first.with_for_update(of=events, skip_locked=True).correlate(None)
    changed = events.update().where(events.c.event_id == first.scalar_subquery())
    values = {"state": EventState.RUNNING, "not_before": None, "reason": None}
    changed = changed.values(values | {"started_at": clock.now(), **_leased(dialect, lease)})
    return changed.returning(*EVENT_COLUMNS)


_earlier = select(func.count() + 1).where(attempts.c.event_id == bindparam("of_event"))
_BEGIN_ATTEMPT = attempts.insert().values(number=_earlier.scalar_subquery()).inline()


def heartbeat(
    connection: Connection, dialect: Dialect, claims: Sequence[Claim], lease: timedelta
) -> tuple[Claim, ...]:
    """Prolong the claims that are still the latest of their events; the others are left out."""
    deadline = dialect.clock.boot() + lease.total_seconds()
    tokens = [claim.token for claim in claims]
    alive = set(connection.execute(_prolong(dialect, lease), {"tokens": tokens}).scalars())
    return tuple(replace(claim, lease_until=deadline) for claim in claims if claim.token in alive)


@made_once
def _prolong(dialect: Dialect, lease: timedelta) -> ReturningUpdate[Any]:
    held = events.c.token.in_(bindparam("tokens", expanding=True))
    prolonged = events.update().where(equals(events.c.state, EventState.RUNNING), held)
    return prolonged.values(_leased(dialect, lease)).returning(events.c.token)


def _leased(dialect: Dialect, lease: timedelta) -> dict[str, Any]:
    clock = dialect.clock
    return {"lease_until": clock.lease(lease), "lease_clock": clock.lease_clock}


#: The event of a claim, as long as the claim is its latest one: the parameters of `mine`.
IS_MINE = and_(events.c.event_id == bindparam("of_event"), events.c.token == bindparam("of_token"))


def mine(claim: Claim) -> dict[str, str]:
    return {"of_event": claim.event.event_id, "of_token": claim.token}


def lock_unless_recorded(connection: Connection, claim: Claim, outcome: AttemptOutcome) -> bool:
    """Lock the claimed event; False when this very outcome was recorded before.

    Raises `LeaseLost` when the claim is not the latest one of its event.
    """
    if connection.execute(_LOCK, mine(claim)).scalar() is not None:
        return True
    require_recorded(connection, claim, outcome)
    return False


def require_recorded(connection: Connection, claim: Claim, outcome: AttemptOutcome) -> None:
    """Raises `LeaseLost` unless the claim was ended before, with this very outcome."""
    recorded = select(attempts.c.outcome).where(attempts.c.token == claim.token)
    if connection.execute(recorded).scalar() != outcome:
        raise LeaseLost(claim)


_LOCK = select(events.c.event_id).where(IS_MINE).with_for_update()


def end_attempt(
    connection: Connection,
    dialect: Dialect,
    token: str,
    outcome: AttemptOutcome,
    *,
    result: Mapping[str, object] | None = None,
    error: str | None = None,
) -> None:
    kept = None if result is None else dict(result)
    values = {"of_token": token, "outcome": outcome, "result": kept, "error": error}
    connection.execute(_end_attempt(dialect), values)


@made_once
def _end_attempt(dialect: Dialect) -> Update:
    ended = attempts.update().where(attempts.c.token == bindparam("of_token"))
    return ended.values(finished_at=dialect.clock.now())


def expired(dialect: Dialect, grace: timedelta) -> ColumnElement[bool]:
    """Running under a lease that is over, unless the database itself was down a moment ago."""
    clock = dialect.clock
    over = or_(events.c.lease_clock != clock.lease_clock, events.c.lease_until <= clock.lease())
    up = clock.uptime() > grace.total_seconds()
    return and_(equals(events.c.state, EventState.RUNNING), over, up)


def sweep(connection: Connection, dialect: Dialect, grace: timedelta) -> tuple[Event, ...]:
    """Put events back whose worker has vanished; returns them as they were."""
    query = select(*EVENT_COLUMNS, events.c.token).where(expired(dialect, grace))
    query = query.order_by(events.c.seq).with_for_update(skip_locked=True)
    lost = connection.execute(query).mappings().all()
    for row in lost:
        event = event_of(row)
        error = f"worker {event.worker} vanished: its lease expired"
        end_attempt(connection, dialect, row["token"], AttemptOutcome.LEASE_EXPIRED, error=error)
        put_back(connection, dialect, event, to_the_back=True, counted=True, reason=error)
    return tuple(event_of(row) for row in lost)
