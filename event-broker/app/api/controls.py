"""Switches: pause accounts, arm live trading, and the market-open list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, status
from pydantic import BaseModel, ConfigDict, Field

from app.settings import SettingsError, TradingMode, select_account

from .context import Context, Here
from .fields import AccountId, AccountInPath, Text
from .keys import OPERATE, READ
from .models import Armed, Done, PauseAnswer, ScheduledEntry

router = APIRouter(tags=["controls"])

#: Who did it, in the store's records.
_BY = "api"


class PauseRequest(BaseModel):
    """Which account, and why; without an account, all of them."""

    model_config = ConfigDict(extra="forbid")

    account_id: AccountId | None = None
    reason: Text | None = None


class ResumeRequest(BaseModel):
    """Which account; without one, the pause of all accounts."""

    model_config = ConfigDict(extra="forbid")

    account_id: AccountId | None = None


class ArmRequest(BaseModel):
    """For how long live orders are allowed; a week at most."""

    model_config = ConfigDict(extra="forbid")

    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)]


class ScheduleRequest(BaseModel):
    """Which account to rebalance when the market opens next."""

    model_config = ConfigDict(extra="forbid")

    account_id: AccountId
    reason: Text | None = None


@router.get("/pauses", dependencies=[READ])
def list_pauses(here: Here) -> Sequence[PauseAnswer]:
    """What is paused."""
    return [PauseAnswer.model_validate(pause) for pause in here.store.controls.paused()]


@router.post("/pause", dependencies=[OPERATE])
def pause(here: Here, request: PauseRequest) -> Done:
    """Begin no rebalance until it is resumed; one that runs goes on."""
    if request.account_id is not None:
        _require_known(here, request.account_id)
    here.store.controls.pause(request.account_id, _BY, request.reason)
    return Done(changed=True, message=f"{_whom(request.account_id)} paused")


@router.post("/resume", dependencies=[OPERATE])
def resume(here: Here, request: ResumeRequest) -> Done:
    """End a pause. Ending the one of all accounts leaves those of single accounts."""
    changed = here.store.controls.resume(request.account_id)
    what = "resumed" if changed else "not paused"
    return Done(changed=changed, message=f"{_whom(request.account_id)} {what}")


@router.get("/arm", dependencies=[READ])
def armed(here: Here) -> Armed:
    """Whether live orders may be sent now."""
    return _armed(here)


@router.post("/arm", dependencies=[OPERATE])
def arm(here: Here, request: ArmRequest) -> Armed:
    """Allow live orders for a time. Only with TRADING_MODE=live."""
    if here.settings.mode is not TradingMode.LIVE:
        raise HTTPException(
            status.HTTP_409_CONFLICT,
            f"TRADING_MODE is {here.settings.mode}: there is nothing to arm. Nothing was changed",
        )
    until = here.now() + timedelta(minutes=request.minutes)
    here.store.controls.arm(until, _BY)
    return _armed(here)


@router.post("/disarm", dependencies=[OPERATE])
def disarm(here: Here) -> Armed:
    """Allow no live order from now on; a run that has begun goes on."""
    here.store.controls.disarm()
    return _armed(here)


@router.get("/schedule", dependencies=[READ])
def list_schedule(here: Here) -> Sequence[ScheduledEntry]:
    """The market-open list."""
    return [ScheduledEntry.model_validate(entry) for entry in here.store.market_open.list()]


@router.post("/schedule", dependencies=[OPERATE])
def add_to_schedule(here: Here, request: ScheduleRequest) -> Done:
    """Put an account on the market-open list."""
    _require_known(here, request.account_id)
    changed = here.store.market_open.add(request.account_id, _BY, request.reason)
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


def _armed(here: Context) -> Armed:
    found = here.store.controls.arming()
    return Armed(
        trading_mode=here.settings.mode,
        armed=found is not None and here.settings.mode is TradingMode.LIVE,
        armed_until=found.armed_until if found else None,
        armed_by=found.armed_by if found else None,
    )


def _require_known(here: Context, account_id: str) -> None:
    try:
        select_account(here.settings, account_id)
    except SettingsError as error:
        raise HTTPException(status.HTTP_409_CONFLICT, f"{error}. Nothing was changed") from error


def _whom(account_id: str | None) -> str:
    return f"{account_id} is" if account_id else "all accounts are"
