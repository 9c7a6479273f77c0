"""How a run ended, in one status and one sentence; pure."""

from __future__ import annotations

from collections.abc import Sequence

from broker_connector_base import MarketDataError, RunStatus
from rebalance_calculator import PlanError

from .errors import PermitWithdrawn
from .execution import RunHalted
from .journal import JournalError
from .orders import Order
from .rounds import Rounds

#: What may end a run without casting doubt on an order or on the account.
_HARMLESS = (PlanError, JournalError, MarketDataError, PermitWithdrawn)


def judge(
    rounds: Rounds, orders: Sequence[Order], stopped_by: Exception | None
) -> tuple[RunStatus, str | None]:
    """The status, and the reason unless all went well.

    A run that was stopped by bad quotes, a full disk or its permit, with all orders decided, has
    merely failed, and so has one that could send nothing; after anything else an order or the
    account may be in doubt. A run that ended with something left to trade has not reached its
    targets: only after success does a second run find nothing to do.
    """
    if stopped_by is not None:
        reason = str(stopped_by) or type(stopped_by).__name__
        return _status_of(stopped_by, orders), f"{reason}; {_traded(orders)}"
    wrong = [order for order in orders if order.went_wrong]
    if wrong:
        return RunStatus.FAILED, (
            f"{len(wrong)} of {len(orders)} orders did not fill completely: "
            f"{'; '.join(map(_described, wrong))}; the next run will take it from here"
        )
    if not rounds.converged:
        why = f"something is left to trade after round {rounds.count}, the last allowed"
        if rounds.situation.put_off:
            why = "some orders could not be sent"
        return RunStatus.FAILED, f"{why}; the next run will go on from here"
    return (RunStatus.DONE if orders else RunStatus.NOTHING_TO_DO), None


def _status_of(error: Exception, orders: Sequence[Order]) -> RunStatus:
    if isinstance(error, RunHalted):
        return error.status
    is_harmless = isinstance(error, _HARMLESS)
    is_clear = is_harmless and all(order.is_decided for order in orders)
    is_clear |= all(order.never_sent for order in orders)
    return RunStatus.FAILED if is_clear else RunStatus.NEEDS_ATTENTION


def _traded(orders: Sequence[Order]) -> str:
    filled = [f"{order.signed_filled:+f} {order.intent.symbol}" for order in orders if order.filled]
    return f"traded before that: {', '.join(filled) or 'nothing'}"


def _described(order: Order) -> str:
    words = f" ({order.message})" if order.message else ""
    return (
        f"{order.intent.symbol} {order.verdict.lower()} with {order.filled:f} of "
        f"{abs(order.intent.quantity):f}{words}"
    )
