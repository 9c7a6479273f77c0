"""Market hours: a rebalance starts while the exchange is open, and with time to finish."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from app.market import EXCHANGE_TIME, Sessions, TradingSession
from app.settings import TradingMode
from app.settings.service_sections import GatesConfig

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Hold


class Opportunity(NamedTuple):
    """The first time at or after a moment when a rebalance may start, and its session."""

    start: datetime
    session: TradingSession


def first_opportunity(moment: datetime, sessions: Sessions, gates: GatesConfig) -> Opportunity:
    """Within a session, `moment` itself. Raises `CalendarError` outside the calendar."""
    session = sessions.session_for(moment)
    if moment >= session.closes - timedelta(seconds=gates.stop_before_close_seconds):
        session = sessions.next_session(session.opens)
    delay = timedelta(seconds=gates.delay_after_open_seconds)
    return Opportunity(max(moment, session.opens + delay), session)


def market_is_open(event: Circumstances) -> Decision:
    """Hold until the delay after the open is over, of this session or of the next one."""
    if event.settings.mode is TradingMode.SIMULATION:
        return ALLOW
    if event.sessions is None:
        raise ValueError("the market's hours are needed to trade")
    start, session = first_opportunity(event.now, event.sessions, event.settings.config.gates)
    if start <= event.now:
        return ALLOW
    return Hold(gate=Gate.HOURS, until=start, reason=_reason(event.now, session, start))


def opened_by_broker(opens: datetime, reason: str, gates: GatesConfig) -> Hold:
    """Hold until the delay after an open that the broker tells of, though the calendar does not."""
    delay = timedelta(seconds=gates.delay_after_open_seconds)
    return Hold(gate=Gate.HOURS, until=opens + delay, reason=reason)


def _reason(now: datetime, session: TradingSession, start: datetime) -> str:
    local = start.astimezone(EXCHANGE_TIME)
    state = "the market has just opened" if session.opens <= now else "the market is closed"
    return f"{state}; a rebalance may begin on {local:%Y-%m-%d at %H:%M} exchange time"
