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
from app.store.records import Pause, Standing
from broker_connector_base.models import AccountConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The decision, and the trading day when an exchange matters."""

    decision: Decision
    session_date: date | None = None


class Gatekeeper:
    """Decides whether an event may be worked now."""

    def __init__(self, store: Store, calendar: MarketCalendar, now: Callable[[], datetime]) -> None:
        self._store = store
        self._calendar = calendar
        self._now = now

    async def ask(self, event: Event, account: AccountConfig, settings: Settings) -> Permission:
        """Raises `CalendarError` and `StoreUnavailable`."""
        if event.command is not Command.REBALANCE:
            here = self._circumstances(event, account, settings, None, None)
            return Permission(decision=decide(here))
        sessions = await self._sessions(account, settings)
        day = sessions.trading_day(self._now()) if sessions else None
        known = await self._store.call(self._store.events.standing, event.event_id, day)
        here = self._circumstances(event, account, settings, known, sessions)
        return Permission(decision=decide(here), session_date=day)

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
        known: Standing | None,
        sessions: Sessions | None,
    ) -> Circumstances:
        return Circumstances(
            now=self._now(),
            command=event.command,
            account=account,
            settings=settings,
            asked_at=known.asked_at if known else event.created_at,
            closed_until=known.closed_until if known else None,
            paused=_in_words(known.pause) if known and known.pause else None,
            armed_until=known.armed_until if known else None,
            sessions=sessions,
            rebalances_in_session=known.sessions_used if known else 0,
        )


def _in_words(pause: Pause) -> str:
    what = f"account {pause.account_id}" if pause.account_id else "every account"
    reason = f": {pause.reason}" if pause.reason else ""
    return f"{pause.paused_by} has paused {what}{reason}"
