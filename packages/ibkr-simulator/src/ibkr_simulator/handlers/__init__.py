"""What a gateway answers, one module a noun.

Each module has `REQUESTS`, from a request's name to the function that answers it; a new request is
a function and a row there. A handler that cannot serve a request raises a `Refusal`. `EVENTS` says
which function tells a session of an event of the exchange; it decides whether the session cares.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ibkr_simulator.session import Session
from simulated_exchange import (
    CommissionCharged,
    Executed,
    OrderChanged,
    PositionChanged,
    QuoteChanged,
)

from . import (
    accounts,
    contracts,
    executions,
    history,
    market_data,
    order_reports,
    orders,
    positions,
    results,
    system,
)

Handler = Callable[[Session, Mapping[str, Any]], None]
Listener = Callable[[Session, Any], None]

_MODULES = (
    accounts,
    contracts,
    executions,
    history,
    market_data,
    order_reports,
    orders,
    positions,
    results,
    system,
)

REQUESTS: dict[str, Handler] = {
    name: handler for module in _MODULES for name, handler in module.REQUESTS.items()
}

EVENTS: dict[type, Listener] = {
    OrderChanged: order_reports.order_changed,
    Executed: executions.executed,
    CommissionCharged: executions.commission_charged,
    PositionChanged: positions.position_changed,
    QuoteChanged: market_data.quote_changed,
}

#: What a session is told about an account after a burst of events that touched it and some of its
#: positions (by con_id).
ACCOUNT_LISTENERS: tuple[Callable[[Session, str, Collection[int]], None], ...] = (
    accounts.account_changed,
    results.account_changed,
)
