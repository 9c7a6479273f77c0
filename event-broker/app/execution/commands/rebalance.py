"""`rebalance`: trade an account to its targets."""

from __future__ import annotations

from app.account_process.messages import Operation
from app.execution.moves import Ending
from app.execution.result_row import OrderLine, Reading
from app.report.results import ExecutedTrade, Run
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
        message=run.error or _MESSAGES.get(run.status, run.status.value),
        orders=[_line(order) for order in run.orders],
        total_equity=run.total_value,
    )


def _line(order: ExecutedTrade) -> OrderLine:
    return OrderLine(
        symbol=order.symbol,
        quantity=order.quantity,
        price=order.average_price or order.limit_price,
        more={
            "status": order.status.lower(),
            "filled_quantity": float(order.filled_quantity),
            "average_price": None if order.average_price is None else float(order.average_price),
        },
    )


COMMAND = AccountCommand(Operation.REBALANCE, _read)
