"""`print-positions`: what an account holds."""

from __future__ import annotations

from app.account_process.messages import Operation
from app.execution.moves import Ending
from app.execution.result_row import Reading
from broker_connector_base.models import AccountSnapshot, RunStatus

from .command import AccountCommand


def _read(document: bytes) -> Reading:
    snapshot = AccountSnapshot.model_validate_json(document)
    return Reading(
        ending=Ending(status=RunStatus.DONE),
        message="Positions were read",
        total_equity=snapshot.total_value,
    )


COMMAND = AccountCommand(Operation.POSITIONS, _read)
