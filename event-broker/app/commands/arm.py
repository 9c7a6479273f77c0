"""`arm`: allow live orders for a time."""

from __future__ import annotations

from app.switches import ArmRequest

from .outcome import Report
from .session import Session
from .switching import asked, switch_arming


def run(session: Session) -> Report:
    """Arm; until when is the result."""
    request = asked(ArmRequest, minutes=session.arguments.minutes)
    return switch_arming(session, lambda switches: switches.arm(request))
