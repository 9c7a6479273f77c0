"""Market hours: a rebalance starts while the exchange is open, and with time to finish."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.market import EXCHANGE_TIME, TradingSession
from app.settings import TradingMode

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Hold


def market_is_open(event: Circumstances) -> Decision:
    """Hold until the delay after the open is over, of this session or of the next one."""
    if event.settings.mode is TradingMode.SIMULATION:
        return ALLOW
    if event.sessions is None or event.session is None:
        raise ValueError("the market's hours are needed to trade")
    gates = event.settings.config.gates
    delay = timedelta(seconds=gates.delay_after_open_seconds)
    margin = timedelta(seconds=gates.stop_before_close_seconds)
    session = event.session
    if event.now >= session.closes - margin:
        session = event.sessions.next_session(session.opens)
    start = session.opens + delay
    if start <= event.now:
        return ALLOW
    return Hold(gate=Gate.HOURS, until=start, reason=_reason(event.now, session, start))


def _reason(now: datetime, session: TradingSession, start: datetime) -> str:
    local = start.astimezone(EXCHANGE_TIME)
    state = "the market has just opened" if session.opens <= now else "the market is closed"
    return f"{state}; it starts on {local:%Y-%m-%d at %H:%M} exchange time"
