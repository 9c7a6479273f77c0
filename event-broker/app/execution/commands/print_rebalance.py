"""`print-rebalance`: say what a rebalance would trade; nothing is sent."""

from __future__ import annotations

from app.account_process.messages import Operation
from app.execution.moves import Ending
from app.execution.result_row import OrderLine, Reading
from app.report.results import Preview
from broker_connector_base.models import RunStatus

from .command import AccountCommand


def _read(document: bytes) -> Reading:
    preview = Preview.model_validate_json(document)
    return Reading(
        ending=Ending(status=RunStatus.DONE),
        message="Dry run rebalancing completed successfully",
        orders=[
            OrderLine(trade.symbol, trade.quantity, trade.estimated_price)
            for trade in preview.proposed_trades
        ],
        total_equity=preview.plan.total_value,
    )


COMMAND = AccountCommand(Operation.PREVIEW, _read)
