"""Events that wait for a person: look, try again, or dismiss."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from app.events import EventState
from app.switches import retried

from .context import Here
from .fields import EventInPath, Limit
from .keys import OPERATE, READ
from .models import EventDetails, Queued, Removed, details

router = APIRouter(prefix="/attention", tags=["needs attention"])


@router.get("", dependencies=[READ])
def list_attention(here: Here, limit: Limit = 100) -> Sequence[EventDetails]:
    """What needs attention, with the reason and all that was tried."""
    events = here.store.events
    parked = events.list(limit=limit, states=[EventState.NEEDS_ATTENTION])
    return [details(event, events.attempts(event.event_id)) for event in parked]


@router.post("/{event_id}/retry", dependencies=[OPERATE])
def retry(here: Here, event_id: EventInPath) -> Queued:
    """Try it again. A rebalance begins by reconciling what the last one left behind."""
    enqueued = here.switches.retry(str(event_id))
    return Queued(event_id=enqueued.event_id, merged=enqueued.merged, message=retried(enqueued))


@router.post("/{event_id}/dismiss", dependencies=[OPERATE])
def dismiss(here: Here, event_id: EventInPath) -> Removed:
    """Somebody has looked; nothing more is to be done."""
    event = here.switches.dismiss(str(event_id))
    return Removed(event_id=event.event_id, message="dismissed")
