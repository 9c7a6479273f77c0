"""How a run ended, in one status and one sentence; pure."""

from __future__ import annotations

from collections.abc import Sequence

from broker_connector_base import Attention, BrokerError, Claim, MarketDataError, RunStatus
from rebalance_calculator import PlanError

from .errors import PermitWithdrawn, orders_in_doubt
from .execution import RunHalted
from .journal import JournalError
from .orders import Order
from .rounds import Rounds

#: What may end a run without casting doubt on an order or on the account.
_HARMLESS = (PlanError, JournalError, MarketDataError, PermitWithdrawn)


def judge(
    rounds: Rounds, orders: Sequence[Order], stopped_by: Exception | None
) -> tuple[RunStatus, str | None, Attention | None]:
    """The status, the reason unless all went well, and why it needs attention if it does.

    A run that was stopped by bad quotes, a full disk or its permit, with all orders decided, has
    merely failed, and so has one that could send nothing; after anything else an order or the
    account may be in doubt. A run that ended with something left to trade has not reached its
    targets: only after success does a second run find nothing to do.
    """
    if stopped_by is not None:
        return _stopped(stopped_by, orders)
    wrong = [order for order in orders if order.went_wrong]
    if wrong:
        why = (
            f"{len(wrong)} of {len(orders)} orders did not fill completely: "
            f"{'; '.join(map(_described, wrong))}"
        )
        return RunStatus.FAILED, f"{why}; the next run will take it from here", None
    if not rounds.converged:
        why = f"something is left to trade after round {rounds.count}, the last allowed"
        if rounds.situation.put_off:
            why = "some orders could not be sent"
        elif rounds.situation.lacks_cash:
            why = "the broker tells of less cash than the trades left, so the rest was not planned"
        return RunStatus.FAILED, f"{why}; the next run will go on from here", None
    return (RunStatus.DONE if orders else RunStatus.NOTHING_TO_DO), None, None


def _stopped(
    error: Exception, orders: Sequence[Order]
) -> tuple[RunStatus, str | None, Attention | None]:
    reason, attention = str(error) or type(error).__name__, _attention_to(error, orders)
    if attention is None:
        return RunStatus.FAILED, f"{reason}; {_traded(orders)}", None
    if attention.orders and not isinstance(error, RunHalted):
        reason += f"; the fate of {', '.join(attention.orders)} is not known"
    return RunStatus.NEEDS_ATTENTION, f"{reason}; {_traded(orders)}", attention


def _attention_to(error: Exception, orders: Sequence[Order]) -> Attention | None:
    if isinstance(error, RunHalted):
        return error.attention
    if all(order.never_sent for order in orders):
        return None
    if doubtful := [order.intent for order in orders if not order.is_decided]:
        return orders_in_doubt(doubtful)
    if isinstance(error, _HARMLESS):
        return None
    is_foreseen = isinstance(error, BrokerError)
    return Attention(claim=Claim.ACCOUNT_NOT_SEEN if is_foreseen else Claim.PROGRAM_FAULT)


def _traded(orders: Sequence[Order]) -> str:
    filled = [f"{order.signed_filled:+f} {order.intent.symbol}" for order in orders if order.filled]
    return f"traded before that: {', '.join(filled) or 'nothing'}"


def _described(order: Order) -> str:
    words = f" ({order.message})" if order.message else ""
    return (
        f"{order.intent.symbol} {order.verdict.lower()} with {order.filled:f} of "
        f"{abs(order.intent.quantity):f}{words}"
    )
