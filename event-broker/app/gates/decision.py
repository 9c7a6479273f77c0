"""What a gate says: go on, wait, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Gate(StrEnum):
    """What stands between an event and the market, in the order in which it is asked."""

    MODE = "trading mode"
    AGE = "event age"
    PAUSE = "pause"
    ARMING = "live arming"
    RESTART = "gateway restart"
    HOURS = "market hours"
    ONCE_A_SESSION = "once a session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Nothing is in the way now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The event waits in the queue; that is no failure. Ask again at `until`."""

    gate: Gate
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The event ends here, and nothing was sent."""

    gate: Gate
    reason: str
    #: A person must do something first, and then retry it; otherwise the event is over.
    park: bool
    #: The account goes on the market-open list, so it is asked again at the next session.
    at_next_open: bool = False


Decision = Allow | Hold | Refuse
ALLOW = Allow()
