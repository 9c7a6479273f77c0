"""`print-orders`: the working orders of an account, anybody's."""

from __future__ import annotations

from app.account_process.messages import Operation
from app.account_process.results import OrdersReport
from app.execution.moves import Ending
from app.execution.result_row import OrderLine, Reading
from broker_connector_base.models import OpenOrder, RunStatus

from .command import AccountCommand


def _read(document: bytes) -> Reading:
    report = OrdersReport.model_validate_json(document)
    return Reading(
        ending=Ending(status=RunStatus.DONE),
        message=f"{len(report.orders)} working orders",
        orders=[working(order) for order in report.orders],
    )


def working(order: OpenOrder) -> OrderLine:
    """A working order as a line of a result."""
    return OrderLine(
        symbol=order.symbol,
        quantity=order.quantity,
        price=order.limit_price,
        more={"status": order.status.value.lower(), "own": order.own},
    )


COMMAND = AccountCommand(Operation.ORDERS, _read)
