"""All gates in their order: the first that does not allow decides."""

from __future__ import annotations

from collections.abc import Callable

from app.events import Command

from .age import is_recent
from .arming import is_armed
from .circumstances import Circumstances
from .decision import ALLOW, Allow, Decision, Gate
from .hours import market_is_open
from .mode import mode_agrees
from .once_a_session import is_first_of_session
from .pause import is_not_paused
from .restart import gateway_stays

#: What can never be right comes first, then what a person decided, then the hour. The guard comes
#: last: an event that waits for a session must be counted in that session.
GATES: dict[Gate, Callable[[Circumstances], Decision]] = {
    Gate.MODE: mode_agrees,
    Gate.AGE: is_recent,
    Gate.PAUSE: is_not_paused,
    Gate.ARMING: is_armed,
    Gate.RESTART: gateway_stays,
    Gate.HOURS: market_is_open,
    Gate.ONCE_A_SESSION: is_first_of_session,
}

#: Looking at an account and taking back its orders are possible at any time.
_GUARDED = frozenset({Command.REBALANCE})
_ALWAYS = frozenset({Gate.MODE})


def decide(event: Circumstances) -> Decision:
    """Whether the event may be worked now."""
    for gate, ask in GATES.items():
        if gate in _ALWAYS or event.command in _GUARDED:
            decision = ask(event)
            if not isinstance(decision, Allow):
                return decision
    return ALLOW
