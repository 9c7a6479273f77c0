"""Server-sent events: what running events tell, as it happens.

Of an event that another process works, only its states are told: its progress is in that process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.events import FINAL_STATES, Event, EventState

from .backend import Progress
from .context import Context, Here
from .fields import EventInPath
from .keys import READ
from .models import QueueEvent

router = APIRouter(tags=["progress"], dependencies=[READ])

#: The store tells of changes; this is for those that it cannot tell.
_LOOK_AGAIN_SECONDS = 1.0


@router.get("/progress", response_class=EventSourceResponse)
async def all_progress(here: Here) -> AsyncIterator[ServerSentEvent]:
    """What all running events of this process tell, without end."""
    async with here.backend.progress() as told:
        async for progress in told:
            yield _told(progress)


def _existing(here: Here, event_id: EventInPath) -> Event:
    """Unknown events are told as such before a stream begins."""
    return here.store.events.follow(str(event_id))


@router.get("/queue/events/{event_id}/progress", response_class=EventSourceResponse)
async def event_progress(
    here: Here, event: Annotated[Event, Depends(_existing)]
) -> AsyncIterator[ServerSentEvent]:
    """The states of an event and what it tells while it runs; ends with its final state."""
    async with aclosing(_follow(here, event.event_id)) as answers:
        async for answer in answers:
            yield answer


async def _follow(here: Context, event_id: str) -> AsyncGenerator[ServerSentEvent]:
    store = here.store
    seen: EventState | None = None
    async with here.backend.progress(event_id) as told:
        next_told: asyncio.Future[Progress] | None = None
        try:
            while True:
                event = await store.call(store.events.follow, event_id)
                if event.state is not seen:
                    seen = event.state
                    yield ServerSentEvent(event="state", data=QueueEvent.of(event))
                if event.state in FINAL_STATES:
                    return
                if next_told is None:
                    next_told = asyncio.ensure_future(anext(told))
                await asyncio.wait({next_told}, timeout=_LOOK_AGAIN_SECONDS)
                if next_told.done():
                    try:
                        yield _told(next_told.result())
                    except StopAsyncIteration:  # the service ends
                        return
                    next_told = None
        finally:
            if next_told is not None:
                next_told.cancel()


def _told(progress: Progress) -> ServerSentEvent:
    return ServerSentEvent(event="progress", data=progress._asdict())
