"""Out of the queue: claims, heartbeats and outcomes.

A claim is a lease with a fencing token. An outcome is recorded only under the latest token of its
event, so a worker that slept past its lease can neither close nor prolong what somebody else runs
now. An outcome that is recorded already is accepted again: its worker may not have heard of the
commit.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, not_, or_, select

from app.events import AttemptOutcome, Claim, Command, Event, EventState, LeaseLost
from app.store.dialects import Dialect
from app.store.event_rows import EVENT_COLUMNS, event_of
from app.store.queue import put_back
from app.store.schema import EVERY_ACCOUNT, attempts, equals, events, pauses

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
    commands: Collection[Command] | None,
) -> Claim | None:
    """The first event in the queue that is due and may start."""
    clock, deadline = dialect.clock, dialect.clock.boot() + lease.total_seconds()
    due = or_(events.c.not_before.is_(None), events.c.not_before <= clock.now())
    first = select(events.c.event_id).where(may_start(), due).order_by(events.c.seq).limit(1)
    if event_id is not None:
        first = first.where(events.c.event_id == event_id)
    if commands is not None:
        first = first.where(events.c.command.in_(commands))
    # Of its own, for it is asked once: it does not look at the row that is changed.
    first = first.with_for_update(of=events, skip_locked=True).correlate(None)
    token = uuid.uuid4().hex
    values = {
        "state": EventState.RUNNING,
        "worker": worker,
        "token": token,
        "started_at": clock.now(),
        "not_before": None,
        "reason": None,
        **_leased(dialect, lease),
    }
    changed = events.update().where(events.c.event_id == first.scalar_subquery()).values(values)
    row = connection.execute(changed.returning(*EVENT_COLUMNS)).mappings().one_or_none()
    if row is None:
        return None
    event = event_of(row)
    earlier = select(func.count() + 1).where(attempts.c.event_id == event.event_id)
    connection.execute(
        attempts.insert().values(
            event_id=event.event_id,
            number=earlier.scalar_subquery(),
            token=token,
            worker=worker,
            started_at=event.started_at,
        )
    )
    return Claim(event=event, token=token, lease_until=deadline)


def heartbeat(
    connection: Connection, dialect: Dialect, claims: Sequence[Claim], lease: timedelta
) -> tuple[Claim, ...]:
    """Prolong the claims that are still the latest of their events; the others are left out."""
    deadline = dialect.clock.boot() + lease.total_seconds()
    tokens = [claim.token for claim in claims]
    running = equals(events.c.state, EventState.RUNNING)
    held = events.update().where(running, events.c.token.in_(tokens))
    prolonged = held.values(_leased(dialect, lease)).returning(events.c.token)
    alive = set(connection.execute(prolonged).scalars())
    return tuple(replace(claim, lease_until=deadline) for claim in claims if claim.token in alive)


def _leased(dialect: Dialect, lease: timedelta) -> dict[str, Any]:
    clock = dialect.clock
    return {"lease_until": clock.lease(lease), "lease_clock": clock.lease_clock}


def is_mine(claim: Claim) -> ColumnElement[bool]:
    """The claim's event, as long as the claim is its latest one."""
    return and_(events.c.event_id == claim.event.event_id, events.c.token == claim.token)


def is_recorded(connection: Connection, claim: Claim, outcome: AttemptOutcome) -> bool:
    """Lock the claimed event. True when this very outcome was recorded before.

    Raises `LeaseLost` when the claim is not the latest one of its event.
    """
    mine = select(events.c.event_id).where(is_mine(claim)).with_for_update()
    if connection.execute(mine).scalar() is not None:
        return False
    recorded = select(attempts.c.outcome).where(attempts.c.token == claim.token)
    if connection.execute(recorded).scalar() != outcome:
        raise LeaseLost(claim)
    return True


def end_attempt(
    connection: Connection,
    dialect: Dialect,
    token: ColumnElement[str] | str,
    outcome: AttemptOutcome,
    *,
    result: Mapping[str, object] | None = None,
    error: str | None = None,
) -> None:
    values = {
        "finished_at": dialect.clock.now(),
        "outcome": outcome,
        "result": None if result is None else dict(result),
        "error": error,
    }
    connection.execute(attempts.update().where(attempts.c.token == token).values(values))


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
