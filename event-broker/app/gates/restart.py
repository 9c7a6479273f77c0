"""Gateway restart: nothing is begun that the gateway's daily restart would cut off."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.settings import TradingMode

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Hold


def gateway_stays(event: Circumstances) -> Decision:
    """Hold around AUTO_RESTART_TIME, which is a time in the gateway's own zone."""
    restart_time = event.settings.environment.auto_restart_time
    if restart_time is None or event.settings.mode is TradingMode.SIMULATION:
        return ALLOW
    zone = ZoneInfo(event.settings.environment.time_zone)
    today = event.now.astimezone(zone).date()
    gates = event.settings.config.gates
    before = timedelta(minutes=gates.restart_window_before_minutes)
    after = timedelta(minutes=gates.restart_window_after_minutes)
    # A window around midnight belongs to two days.
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        restart = datetime.combine(day, restart_time, zone).astimezone(event.now.tzinfo)
        if restart - before <= event.now < restart + after:
            return Hold(
                gate=Gate.RESTART,
                until=restart + after,
                reason=f"the gateway restarts at {restart:%H:%M} UTC (AUTO_RESTART_TIME)",
            )
    return ALLOW
