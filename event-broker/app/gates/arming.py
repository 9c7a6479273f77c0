"""Live arming: real money moves only while somebody has armed it, for as long as they said."""

from __future__ import annotations

from app.settings import TradingMode

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Refuse


def is_armed(event: Circumstances) -> Decision:
    """Park a live rebalance that nobody has armed; an expired arming is none."""
    if event.settings.mode is not TradingMode.LIVE:
        return ALLOW
    if event.armed_until is None:
        state = "live trading is not armed"
    elif event.armed_until <= event.now:
        state = f"live trading was armed until {event.armed_until:%Y-%m-%d %H:%M} UTC"
    else:
        return ALLOW
    return Refuse(
        gate=Gate.ARMING,
        park=True,
        reason=f"{state}; arm it, then try again. Nothing was sent.",
    )
