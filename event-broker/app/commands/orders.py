"""`orders`: the working orders of an account, those of others included."""

from app.account_process.messages import Operation
from app.account_process.results import OrdersReport
from app.report.orders import show_orders

from .outcome import Report
from .session import Session
from .task import Task, run_task


def run(session: Session) -> Report:
    """Show the working orders."""
    return run_task(session, Task(Operation.ORDERS, OrdersReport, show_orders))
