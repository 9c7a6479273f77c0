"""Once a session: `pdt_protection_enabled` allows one rebalance of an account per trading day.

A guard against churn. It was made for the pattern day trader rule, which FINRA replaced by intraday
margin in June 2026; users know it by that name.
"""

from __future__ import annotations

from app.market import Sessions, TradingSession, first_start
from app.settings import Config

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Refuse


def is_first_of_session(event: Circumstances) -> Decision:
    """Refuse a second one, also when the first was interrupted: it comes again at the next open."""
    if not event.account.pdt_protection_enabled or event.rebalances_in_session == 0:
        return ALLOW
    if event.sessions is None or event.session is None:
        raise ValueError("the session is needed to count its rebalances")
    if event.settings.config.scheduler.enabled:
        then = f"scheduled for {_when(event.sessions, event.session, event.settings.config)}"
    else:
        then = "on the market-open list, which waits for scheduler.enabled in config.yaml"
    return Refuse(
        gate=Gate.ONCE_A_SESSION,
        park=False,
        at_next_open=True,
        reason=f"PDT protection: account {event.account.account_id} was already rebalanced in the "
        f"session of {event.session.date}; nothing was sent, and it is {then}",
    )


def _when(sessions: Sessions, session: TradingSession, config: Config) -> str:
    next_one = sessions.next_session(session.opens)
    start = first_start(
        sessions,
        next_one,
        config.pdt_protection.next_execution_time,
        delay_seconds=config.gates.delay_after_open_seconds,
        stop_seconds=config.gates.stop_before_close_seconds,
    )
    if start.session == next_one:
        return "the next open"
    return (
        f"the session of {start.session.date}: the one of {next_one.date} closes too early for "
        "pdt_protection.next_execution_time"
    )
