"""Trading mode: mode, account type, id and port all mean paper, or all mean live."""

from __future__ import annotations

from app.settings import disagreement

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Refuse


def mode_agrees(event: Circumstances) -> Decision:
    """Refuse what contradicts itself, until somebody corrects it."""
    found = disagreement(event.settings, event.account)
    if found is None:
        return ALLOW
    return Refuse(gate=Gate.MODE, park=True, reason=f"{found.what}; {found.fix}. Nothing was sent.")
