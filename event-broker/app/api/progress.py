"""Server-sent events: the states of an event, and what it tells while it runs.

Of an event that another process works, only its states are told: its progress is in that process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.events import FINAL_STATES, Event, EventState
from app.execution import Waking
from app.store import Topic

from .context import Here
from .fields import EventInPath
from .keys import FOLLOW
from .models import QueueEvent

router = APIRouter(tags=["progress"], dependencies=[FOLLOW])


async def _existing(here: Here, event_id: EventInPath) -> Event:
    """Unknown events are told as such before a stream begins."""
    async with here.reads.taken():
        return await run_in_threadpool(here.store.events.follow, str(event_id))


async def _place(here: Here, _: Annotated[Event, Depends(_existing)]) -> AsyncIterator[None]:
    """Until the stream has ended."""
    async with here.streams.taken():
        yield


@router.get(
    "/queue/events/{event_id}/progress",
    response_class=EventSourceResponse,
    dependencies=[Depends(_place)],
)
async def event_progress(
    here: Here, event: Annotated[Event, Depends(_existing)]
) -> AsyncIterator[ServerSentEvent]:
    """The states of an event and what it tells while it runs; ends with its final state.

    After an hour the connection is closed: ask again.
    """
    store, progress = here.store, here.backend.progress
    waking = Waking(store, Topic.EVENTS)
    told: EventState | None = None
    with waking.listening(asyncio.Event()), progress.heard_of(waking.wake):
        while told not in FINAL_STATES:
            waking.listen_from_now()
            # Many streams are as many who look when something happens.
            async with here.reads.awaited():
                event = await run_in_threadpool(store.events.follow, event.event_id)
            if event.state is not told:
                told = event.state
                yield ServerSentEvent(event="state", data=QueueEvent.of(event))
            elif told is EventState.RUNNING and progress.is_running(event.event_id):
                async for document in progress.watch(event.event_id):
                    yield ServerSentEvent(event="progress", raw_data=document.decode())
            else:
                await waking.wait()
