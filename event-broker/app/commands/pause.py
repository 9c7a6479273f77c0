"""`pause`: begin no rebalance of an account, or of any, until it is resumed."""

from __future__ import annotations

from app.switches import PauseRequest

from .outcome import Report
from .session import Session
from .switching import asked, switch_pauses


def run(session: Session) -> Report:
    """Pause; everything that is paused afterwards is the result."""
    arguments = session.arguments
    request = asked(PauseRequest, account_id=arguments.account, reason=arguments.reason)
    return switch_pauses(session, lambda switches: switches.pause(request))
