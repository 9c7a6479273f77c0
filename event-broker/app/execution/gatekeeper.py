"""Asks the gates: reads what they decide on from the store and the exchange's calendar.

Comes in: an event and its account. Goes out: the gates' decision, and the trading day that a run of
now belongs to. What may not be known (the calendar cannot be computed) is raised, never assumed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from app.events import Command, Event
from app.gates import Circumstances, Decision, decide
from app.market import MarketCalendar, Sessions
from app.settings import Settings, TradingMode
from app.store import Store
from app.store.records import Pause
from broker_connector_base.models import AccountConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The decision, and the trading day when an exchange matters."""

    decision: Decision
    session_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the store says, read in one go."""

    asked_at: datetime | None = None
    paused: tuple[Pause, ...] = ()
    armed_until: datetime | None = None
    rebalances_in_session: int = 0


class Gatekeeper:
    """Decides whether an event may be worked now."""

    def __init__(self, store: Store, calendar: MarketCalendar, now: Callable[[], datetime]) -> None:
        self._store = store
        self._calendar = calendar
        self._now = now

    async def ask(self, event: Event, account: AccountConfig, settings: Settings) -> Permission:
        """Raises `CalendarError` and `StoreUnavailable`."""
        if event.command is not Command.REBALANCE:
            here = self._circumstances(event, account, settings, _Known(), None)
            return Permission(decision=decide(here))
        sessions = await self._sessions(account, settings)
        day = sessions.trading_day(self._now()) if sessions else None
        known = await self._store.call(self._read, event, day)
        here = self._circumstances(event, account, settings, known, sessions)
        return Permission(decision=decide(here), session_date=day)

    def _read(self, event: Event, day: date | None) -> _Known:
        store = self._store
        return _Known(
            asked_at=store.events.asked_at(event.event_id),
            paused=store.controls.paused(),
            armed_until=store.controls.armed_until(),
            rebalances_in_session=store.runs.sessions_used(event.account_id, day) if day else 0,
        )

    async def _sessions(self, account: AccountConfig, settings: Settings) -> Sessions | None:
        """The simulation's market never closes; its days matter to the once-a-session guard."""
        if settings.mode is TradingMode.SIMULATION and not account.pdt_protection_enabled:
            return None
        return await asyncio.to_thread(self._calendar.sessions, self._now())

    def _circumstances(
        self,
        event: Event,
        account: AccountConfig,
        settings: Settings,
        known: _Known,
        sessions: Sessions | None,
    ) -> Circumstances:
        mine = [pause for pause in known.paused if pause.account_id in (account.account_id, None)]
        return Circumstances(
            now=self._now(),
            command=event.command,
            account=account,
            settings=settings,
            asked_at=known.asked_at or event.created_at,
            paused=_in_words(mine[0]) if mine else None,
            armed_until=known.armed_until,
            sessions=sessions,
            rebalances_in_session=known.rebalances_in_session,
        )


def _in_words(pause: Pause) -> str:
    what = f"account {pause.account_id}" if pause.account_id else "every account"
    reason = f": {pause.reason}" if pause.reason else ""
    return f"{pause.paused_by} has paused {what}{reason}"
