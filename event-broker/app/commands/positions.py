"""`positions`: what an account holds, as the broker has it now."""

from app.account_process.messages import Operation
from app.report.holdings import show_positions
from broker_connector_base.models import AccountSnapshot

from .outcome import Report
from .session import Session
from .task import Task, run_task


def run(session: Session) -> Report:
    """Show the positions."""
    return run_task(session, Task(Operation.POSITIONS, AccountSnapshot, show_positions))
