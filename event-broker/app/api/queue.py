"""The queue: what waits, what runs, what ended; add an event, or take one out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, status
from pydantic import BaseModel, ConfigDict, model_validator

from app.events import Command, EventSource, EventState, NewEvent, StandsForOthers
from app.settings import SettingsError, select_account
from app.switches import AccountId

from .context import Context, Here
from .fields import MAX_NUMBER, AccountInQuery, EventInPath, JsonDocument, Limit
from .keys import OPERATE, READ
from .models import EventDetails, Queued, QueueEvent, QueueStatus, Removed, details

router = APIRouter(tags=["queue"])

_WAITING = (EventState.QUEUED, EventState.RUNNING)

Merged = Annotated[
    int, Query(ge=0, le=MAX_NUMBER, description="How many were merged into it, as a 409 says")
]


class NewQueueEvent(BaseModel):
    """What somebody asks for. Without a command it is a preview."""

    model_config = ConfigDict(extra="forbid")

    account_id: AccountId
    exec_command: Command = Command.PRINT_REBALANCE
    data: JsonDocument = {}

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> NewQueueEvent:
        said = self.data.get("exec", self.exec_command.value)
        if said != self.exec_command.value:
            raise ValueError(f"data.exec {said!r} contradicts exec_command {self.exec_command}")
        return self


@router.get("/queue/status", dependencies=[READ])
def queue_status(here: Here) -> QueueStatus:
    """The queue in four numbers."""
    return QueueStatus.model_validate(here.store.events.statistics())


@router.get("/queue/events", dependencies=[READ])
def list_events(
    here: Here,
    limit: Limit = 100,
    state: Annotated[
        list[EventState] | None, Query(description="Default: what waits and what runs")
    ] = None,
    account_id: AccountInQuery = None,
) -> Sequence[QueueEvent]:
    """Events, the newest first."""
    states = state or _WAITING
    found = here.store.events.summaries(limit=limit, states=states, account_id=account_id)
    return [QueueEvent.of(event) for event in found]


@router.get("/queue/events/{event_id}", dependencies=[READ])
def get_event(here: Here, event_id: EventInPath) -> EventDetails:
    """One event, with its result and all that was tried."""
    name = str(event_id)
    return details(here.store.events.get(name), here.store.events.attempts(name))


@router.post("/queue/events", dependencies=[OPERATE], status_code=status.HTTP_202_ACCEPTED)
def add_event(here: Here, new: NewQueueEvent) -> Queued:
    """Put an event into the queue, or merge it into one of its kind that waits."""
    _require_processed(here, new.account_id)
    enqueued = here.store.events.enqueue(
        NewEvent(
            account_id=new.account_id,
            command=new.exec_command,
            payload=new.data,
            source=EventSource.API,
        )
    )
    what = f"{new.exec_command} of {new.account_id}"
    message = f"{what} waited already; merged into it" if enqueued.merged else f"{what} is queued"
    return Queued(event_id=enqueued.event_id, merged=enqueued.merged, message=message)


@router.delete("/queue/events/{event_id}", dependencies=[OPERATE])
def remove_event(here: Here, event_id: EventInPath, merged: Merged = 0) -> Removed:
    """Take out an event that waits, or dismiss one that needs attention; never one that runs.

    409 when others were merged into it that `merged` does not count: nobody has meant them.
    """
    event = here.store.events.get(str(event_id))
    reason = "removed through the API"
    if event.state is EventState.NEEDS_ATTENTION:
        here.store.events.dismiss(event.event_id, reason)
    else:
        try:
            here.store.events.cancel(event.event_id, reason, merged=merged)
        except StandsForOthers as error:
            raise HTTPException(
                status.HTTP_409_CONFLICT,
                f"{error}. Look at it; to cancel all of them, repeat with ?merged={error.merged}",
            ) from error
    message = f"{event.command} of {event.account_id} was removed"
    return Removed(event_id=event.event_id, message=message)


def _require_processed(here: Context, account_id: str) -> None:
    if all(account.account_id != account_id for account in here.settings.accounts):
        raise HTTPException(status.HTTP_404_NOT_FOUND, _unknown(here, account_id))
    try:
        select_account(here.settings, account_id)
    except SettingsError as error:
        raise HTTPException(status.HTTP_409_CONFLICT, f"{error}. Nothing was queued") from error


def _unknown(here: Context, account_id: str) -> str:
    listed = ", ".join(account.account_id for account in here.settings.accounts)
    return f"there is no account {account_id}; accounts.yaml has {listed}. Nothing was queued"
