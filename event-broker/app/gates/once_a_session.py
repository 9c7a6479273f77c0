"""Once a session: `pdt_protection_enabled` allows one rebalance of an account per trading day.

A guard against churn. It was made for the pattern day trader rule, which FINRA replaced by intraday
margin in June 2026; users know it by that name.
"""

from __future__ import annotations

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Refuse


def is_first_of_session(event: Circumstances) -> Decision:
    """Refuse a second one, also when the first was interrupted: it comes again at the next open."""
    if not event.account.pdt_protection_enabled or event.rebalances_in_session == 0:
        return ALLOW
    if event.session is None:
        raise ValueError("the session is needed to count its rebalances")
    if event.settings.config.scheduler.enabled:
        then = "scheduled for the next open"
    else:
        then = "on the market-open list, which waits for scheduler.enabled in config.yaml"
    return Refuse(
        gate=Gate.ONCE_A_SESSION,
        park=False,
        at_next_open=True,
        reason=f"PDT protection: account {event.account.account_id} was already rebalanced in the "
        f"session of {event.session.date}; nothing was sent, and it is {then}",
    )
