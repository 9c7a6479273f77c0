"""Pause: a person said stop, for an account or for all."""

from __future__ import annotations

from datetime import timedelta

from .circumstances import Circumstances
from .decision import ALLOW, Decision, Gate, Hold

#: Whoever resumes wakes the queue at once; this is the net below it.
LOOK_AGAIN = timedelta(minutes=1)


def is_not_paused(event: Circumstances) -> Decision:
    """Hold until somebody resumes."""
    if event.paused is None:
        return ALLOW
    return Hold(
        gate=Gate.PAUSE,
        until=event.now + LOOK_AGAIN,
        reason=f"{event.paused}; it goes on when trading is resumed",
    )
