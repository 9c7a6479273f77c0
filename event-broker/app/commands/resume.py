"""`resume`: end a pause, of an account or the one of all accounts."""

from __future__ import annotations

from app.switches import ResumeRequest

from .outcome import Report
from .session import Session
from .switching import asked, switch_pauses


def run(session: Session) -> Report:
    """Resume; everything that is paused afterwards is the result."""
    request = asked(ResumeRequest, account_id=session.arguments.account)
    return switch_pauses(session, lambda switches: switches.resume(request))
