"""`cancel-orders`: cancel what runs of an account left working at the broker."""

from __future__ import annotations

from app.account_process.messages import Operation
from app.account_process.results import CancelReport
from app.execution.moves import Ending
from app.execution.result_row import Reading
from broker_connector_base.models import RunStatus

from .command import AccountCommand
from .print_orders import working


def _read(document: bytes) -> Reading:
    report = CancelReport.model_validate_json(document)
    left = (*report.still_working, *report.foreign)
    message = f"{len(report.ended)} orders are no longer working"
    if left:
        message += f", {len(left)} still are: look at the broker"
    return Reading(
        ending=Ending(status=RunStatus.DONE, needs_attention=bool(left)),
        message=message,
        orders=[working(order) for order in left],
    )


COMMAND = AccountCommand(Operation.CANCEL_ORDERS, _read)
