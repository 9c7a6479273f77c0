"""`disarm`: allow no live order from now on."""

from __future__ import annotations

from app.switches import Switches

from .outcome import Report
from .session import Session
from .switching import switch_arming


def run(session: Session) -> Report:
    """Disarm; in any mode, for it forbids."""
    return switch_arming(session, Switches.disarm)
