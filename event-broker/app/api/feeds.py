"""Where events come from: channels, lost times, messages; and who works on the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, status

from app.store.records import StoredMessage

from .context import Here
from .fields import GapInPath, Limit
from .keys import OPERATE, READ
from .models import Done, FeedAnswer, GapAnswer, MessageAnswer, WorkerAnswer

router = APIRouter(tags=["feeds"])

Everything = Annotated[bool, Query(alias="all", description="Also those that were acknowledged")]


@router.get("/feeds", dependencies=[READ])
def list_feeds(here: Here) -> Sequence[FeedAnswer]:
    """Every channel that was ever subscribed to."""
    return [FeedAnswer.model_validate(feed) for feed in here.store.feeds.list()]


@router.get("/feeds/gaps", dependencies=[READ])
def list_gaps(here: Here, everything: Everything = False) -> Sequence[GapAnswer]:
    """Times for which messages may be lost: compare targets and positions, then acknowledge."""
    gaps = here.store.feeds.gaps(open_only=not everything)
    return [GapAnswer.model_validate(gap) for gap in gaps]


@router.post("/feeds/gaps/{gap_id}/acknowledge", dependencies=[OPERATE])
def acknowledge_gap(here: Here, gap_id: GapInPath) -> Done:
    """Somebody has seen it."""
    if not here.store.feeds.acknowledge(gap_id, "api"):
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no open gap {gap_id}")
    return Done(changed=True, message="acknowledged")


@router.get("/messages", dependencies=[READ])
def list_messages(here: Here, limit: Limit = 100) -> Sequence[MessageAnswer]:
    """Messages of all channels, the newest first, and what became of each."""
    return [_answer(stored) for stored in here.store.messages.list(limit)]


@router.get("/workers", dependencies=[READ])
def list_workers(here: Here) -> Sequence[WorkerAnswer]:
    """The processes of the service."""
    return [WorkerAnswer.model_validate(worker) for worker in here.store.workers.list()]


def _answer(stored: StoredMessage) -> MessageAnswer:
    known = asdict(stored.message) | asdict(stored)
    return MessageAnswer.model_validate({name: known[name] for name in MessageAnswer.model_fields})
