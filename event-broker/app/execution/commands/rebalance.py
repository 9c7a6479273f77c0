"""`rebalance`: trade an account to its targets."""

from __future__ import annotations

from decimal import Decimal

from app.account_process.messages import Operation
from app.execution.moves import Ending
from app.execution.result_row import OrderLine, Reading
from app.report.results import ExecutedTrade, RecoveredTrade, Run
from broker_connector_base.models import RunStatus
from broker_connector_base.order_states import OrderStatus

from .command import AccountCommand

_MESSAGES = {
    RunStatus.DONE: "Rebalancing completed successfully",
    RunStatus.NOTHING_TO_DO: "Nothing to do: the account is on its targets",
}


def _read(document: bytes) -> Reading:
    run = Run.model_validate_json(document)
    refused = any(order.status == OrderStatus.REJECTED for order in run.orders)
    return Reading(
        ending=Ending(status=run.status, refused=refused),
        message=_message(run),
        orders=[_line(order, order.average_price or order.limit_price) for order in run.orders],
        recovered=[_line(order, order.average_price) for order in run.recovered],
        total_equity=run.total_value,
    )


def _message(run: Run) -> str:
    if run.recovered and run.status is RunStatus.NOTHING_TO_DO:
        return "Nothing is left to do after the trades of an earlier run, told only now"
    return run.error or _MESSAGES.get(run.status, run.status.value)


def _line(order: ExecutedTrade | RecoveredTrade, price: Decimal | None) -> OrderLine:
    return OrderLine(
        symbol=order.symbol,
        quantity=order.quantity,
        price=price,
        more={
            "status": order.status.lower(),
            "filled_quantity": float(order.filled_quantity),
            "average_price": None if order.average_price is None else float(order.average_price),
        },
    )


COMMAND = AccountCommand(Operation.REBALANCE, _read)
