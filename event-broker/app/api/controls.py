"""Switches: pause accounts, arm live trading, and the market-open list."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from app.switches import (
    ArmRequest,
    PauseRequest,
    ResumeRequest,
    ScheduleRequest,
    require_processed,
)

from .context import BY, Here
from .fields import AccountInPath
from .keys import OPERATE, READ
from .models import Armed, Done, PauseAnswer, ScheduledEntry

router = APIRouter(tags=["controls"])


@router.get("/pauses", dependencies=[READ])
def list_pauses(here: Here) -> Sequence[PauseAnswer]:
    """What is paused."""
    return [PauseAnswer.model_validate(pause) for pause in here.store.controls.paused()]


@router.post("/pause", dependencies=[OPERATE])
def pause(here: Here, request: PauseRequest) -> Done:
    """Begin no rebalance until it is resumed; one that runs goes on."""
    return Done.model_validate(here.switches.pause(request))


@router.post("/resume", dependencies=[OPERATE])
def resume(here: Here, request: ResumeRequest) -> Done:
    """End a pause. Ending the one of all accounts leaves those of single accounts."""
    return Done.model_validate(here.switches.resume(request))


@router.get("/arm", dependencies=[READ])
def armed(here: Here) -> Armed:
    """Whether live orders may be sent now."""
    return Armed.model_validate(here.switches.armed())


@router.post("/arm", dependencies=[OPERATE])
def arm(here: Here, request: ArmRequest) -> Armed:
    """Allow live orders for a time. Only with TRADING_MODE=live."""
    return Armed.model_validate(here.switches.arm(request))


@router.post("/disarm", dependencies=[OPERATE])
def disarm(here: Here) -> Armed:
    """Allow no live order from now on; a run that has begun goes on."""
    return Armed.model_validate(here.switches.disarm())


@router.get("/schedule", dependencies=[READ])
def list_schedule(here: Here) -> Sequence[ScheduledEntry]:
    """The market-open list."""
    return [ScheduledEntry.model_validate(entry) for entry in here.store.market_open.list()]


@router.post("/schedule", dependencies=[OPERATE])
def add_to_schedule(here: Here, request: ScheduleRequest) -> Done:
    """Put an account on the market-open list."""
    require_processed(here.settings, request.account_id)
    changed = here.store.market_open.add(request.account_id, BY, request.reason)
    what = "is on the market-open list" if changed else "was on the market-open list already"
    return Done(changed=changed, message=f"{request.account_id} {what}")


@router.delete("/schedule/{account_id}", dependencies=[OPERATE])
def remove_from_schedule(here: Here, account_id: AccountInPath) -> Done:
    """Take an account off the market-open list."""
    changed = here.store.market_open.remove(account_id)
    what = "is off the market-open list" if changed else "was not on the market-open list"
    return Done(changed=changed, message=f"{account_id} {what}")


@router.delete("/schedule", dependencies=[OPERATE])
def clear_schedule(here: Here) -> Done:
    """Empty the market-open list."""
    number = here.store.market_open.clear()
    return Done(changed=number > 0, message=f"{number} accounts are off the market-open list")
