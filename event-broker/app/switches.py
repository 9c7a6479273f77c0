"""What a person may switch: pauses, live arming, events that wait. The rules of every way in.

Comes in: what was asked for, and who asked. Goes out: what was changed, in the store under that
name. What is refused changes nothing. The HTTP API and the command line differ only in how they
take a request and show the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.events import Enqueued, Event
from app.settings import ACCOUNT_ID, Settings, SettingsError, TradingMode, select_account
from app.store import Store

#: What accounts.yaml accepts.
ACCOUNT_PATTERN = f"^{ACCOUNT_ID}$"
#: One line of printable text.
_TEXT = r"^[^\x00-\x1f\x7f]*$"

AccountId = Annotated[str, StringConstraints(pattern=ACCOUNT_PATTERN)]
Text = Annotated[str, StringConstraints(pattern=_TEXT, max_length=500)]


class Refused(Exception):
    """It cannot be switched as things are set up; nothing was changed."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who switches."""

    #: For the records of pauses and armings.
    name: str
    #: Completes "tried again ...", "dismissed ..." in the records of events.
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a request did."""

    changed: bool
    #: A sentence without its full stop; an account's id stands as it is.
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedState:
    """Whether live orders may be sent now."""

    trading_mode: TradingMode
    armed: bool
    armed_until: datetime | None
    armed_by: str | None


class Switches:
    """What one asker does; every method raises `StoreError` when the store cannot be used."""

    def __init__(
        self, store: Store, settings: Settings, asker: Asker, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._settings = settings
        self._asker = asker
        self._now = now

    def pause(self, request: PauseRequest) -> Change:
        """Begin no rebalance until it is resumed; one that runs goes on. Raises `Refused`."""
        if request.account_id is not None:
            require_processed(self._settings, request.account_id)
        self._store.controls.pause(request.account_id, self._asker.name, request.reason)
        return Change(changed=True, message=f"{_whom(request.account_id)} paused")

    def resume(self, request: ResumeRequest) -> Change:
        """End a pause. Ending the one of all accounts leaves those of single accounts.

        One of an account that is not processed any more is ended as well; without a pause, such an
        account is taken for a mistake: raises `Refused`.
        """
        account_id = request.account_id
        if self._store.controls.resume(account_id):
            return Change(changed=True, message=f"{_whom(account_id)} resumed")
        if account_id is None:
            return Change(changed=False, message="There is no pause of all accounts")
        require_processed(self._settings, account_id)
        return Change(changed=False, message=f"{account_id} has no pause of its own")

    def arm(self, request: ArmRequest) -> ArmedState:
        """Allow live orders for a time. Only with TRADING_MODE=live; raises `Refused`."""
        mode = self._settings.mode
        if mode is not TradingMode.LIVE:
            raise Refused(f"TRADING_MODE is {mode}: there is nothing to arm. Nothing was changed")
        until = self._now() + timedelta(minutes=request.minutes)
        self._store.controls.arm(until, self._asker.name)
        return self.armed()

    def disarm(self) -> ArmedState:
        """Allow no live order from now on; a run that has begun goes on."""
        self._store.controls.disarm()
        return self.armed()

    def armed(self) -> ArmedState:
        """As it is now."""
        found = self._store.controls.arming()
        mode = self._settings.mode
        return ArmedState(
            trading_mode=mode,
            armed=found is not None and mode is TradingMode.LIVE,
            armed_until=found.armed_until if found else None,
            armed_by=found.armed_by if found else None,
        )

    def retry(self, event_id: str) -> Enqueued:
        """Try a parked event again. Raises `UnknownEvent`, `WrongState`."""
        return self._store.events.requeue(event_id, f"tried again {self._asker.way}")

    def dismiss(self, event_id: str, reason: str | None = None) -> Event:
        """A parked event needs nothing more. Raises `UnknownEvent`, `WrongState`."""
        words = f"dismissed {self._asker.way}"
        return self._store.events.dismiss(event_id, f"{words}: {reason}" if reason else words)


def require_processed(settings: Settings, account_id: str) -> None:
    """Raises `Refused` for an account that this mode does not work."""
    try:
        select_account(settings, account_id)
    except SettingsError as error:
        raise Refused(f"{error}. Nothing was changed") from error


def retried(enqueued: Enqueued) -> str:
    """What became of an event that was tried again."""
    return "merged into one that waits" if enqueued.merged else "queued again"


def _whom(account_id: str | None) -> str:
    return f"{account_id} is" if account_id else "All accounts are"
