"""What a gateway answers, one module a noun.

Each module has `REQUESTS`, from a request's name to the function that answers it; a new request is
a function and a row there. A handler that cannot serve a request raises a `Refusal`. The functions
that tell a session of an event stand beside them and are called by the herald.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ibkr_simulator.session import Session
from ibkr_simulator.translate.accounts import Statement

from . import (
    accounts,
    advisor,
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

_MODULES = (
    accounts,
    advisor,
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

#: What a session is told about an account after a burst of events that touched it and some of its
#: positions (by con_id).
ACCOUNT_LISTENERS: tuple[Callable[[Session, Statement, Collection[int]], None], ...] = (
    accounts.account_changed,
    results.account_changed,
)
