"""Pauses, live arming, and events that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.events import Event
from app.store.records import Pause
from app.switches import ArmedState
from broker_connector_base.values import UtcTime, Value

from .layout import Grid, console, name, words


class Paused(Value):
    """One pause; without an account, of all of them."""

    account_id: str | None
    paused_at: UtcTime
    paused_by: str
    reason: str | None


class PausesReport(Value):
    """What was done, and everything that is paused afterwards."""

    changed: bool
    message: str
    pauses: tuple[Paused, ...]

    @classmethod
    def of(cls, *, changed: bool, message: str, pauses: Sequence[Pause]) -> PausesReport:
        """From the store's records."""
        listed = tuple(
            Paused(
                account_id=pause.account_id,
                paused_at=pause.paused_at,
                paused_by=pause.paused_by,
                reason=pause.reason,
            )
            for pause in pauses
        )
        return cls(changed=changed, message=message, pauses=listed)


class ArmingReport(Value):
    """Whether live orders may be sent now."""

    trading_mode: str
    armed: bool
    armed_until: UtcTime | None
    armed_by: str | None

    @classmethod
    def of(cls, state: ArmedState) -> ArmingReport:
        """From what the store says."""
        return cls(
            trading_mode=state.trading_mode.value,
            armed=state.armed,
            armed_until=state.armed_until,
            armed_by=state.armed_by,
        )

    def sentence(self) -> str:
        """For a person."""
        if not self.armed or self.armed_until is None:
            return "Live trading is not armed: no live rebalance begins. One that runs goes on."
        return f"Live orders are allowed until {_time(self.armed_until)}, armed by {self.armed_by}."


class Parked(Value):
    """An event that waits for a person."""

    event_id: str
    account_id: str
    command: str
    source: str
    times_queued: int
    created_at: UtcTime
    parked_at: UtcTime | None
    error: str | None
    #: The result row of the latest attempt that gave one.
    result: dict[str, object] | None

    @classmethod
    def of(cls, event: Event) -> Parked:
        """From the store's record."""
        return cls(
            event_id=event.event_id,
            account_id=event.account_id,
            command=event.command.value,
            source=event.source.value,
            times_queued=event.times_queued,
            created_at=event.created_at,
            parked_at=event.finished_at,
            error=event.error,
            result=None if event.result is None else dict(event.result),
        )


class AttentionReport(Value):
    """What was done, and what still needs attention, the newest first."""

    message: str | None
    #: Where a retried event went: its own id, or that of the waiting one it became part of.
    event_id: str | None
    #: More wait than are listed.
    incomplete: bool
    events: tuple[Parked, ...]


def show_pauses(report: PausesReport) -> None:
    """Print what was done and what is paused; times are UTC."""
    out = console()
    out.print(f"{report.message}.", markup=False)
    if not report.pauses:
        out.print("Nothing is paused.")
        return
    grid = Grid(name("Paused"), name("Since"), name("By"), words("Why"))
    for pause in report.pauses:
        grid.add_row(
            pause.account_id or "all accounts",
            _time(pause.paused_at),
            pause.paused_by,
            pause.reason or "",
        )
    out.print(grid)


def show_attention(report: AttentionReport) -> None:
    """Print what was done and what waits; times are UTC."""
    out = console()
    if report.message:
        out.print(f"{report.message}.", markup=False)
    if not report.events:
        out.print("No event needs attention.")
        return
    grid = Grid(name("Event"), name("Account"), words("Why"))
    for event in report.events:
        since = f"since {_time(event.parked_at)}" if event.parked_at else ""
        grid.add_row(
            f"{event.event_id}\n{since}",
            f"{event.account_id}\n{event.command}",
            event.error or "",
        )
    out.print(grid)
    if report.incomplete:
        out.print("There are more; these are the newest.")
    out.print("Look at the account at the broker, then: attention retry EVENT, or")
    out.print("attention dismiss EVENT --reason TEXT.")


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
