"""`equity`: what an account is worth, and its cash."""

from app.account_process.messages import Operation
from app.report.holdings import show_equity
from broker_connector_base.models import AccountSnapshot

from .outcome import Report
from .session import Session
from .task import Task, run_task


def run(session: Session) -> Report:
    """Show net liquidation and cash."""
    return run_task(session, Task(Operation.EQUITY, AccountSnapshot, show_equity))
