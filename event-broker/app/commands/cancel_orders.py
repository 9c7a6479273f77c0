"""`cancel-orders`: cancel what runs of this account left working at the broker."""

from app.account_process.messages import Operation
from app.account_process.results import CancelReport
from app.events import Command
from app.report.orders import show_cancellations

from .outcome import ExitCode, Report
from .session import Session
from .task import Task, report_of
from .through_store import KEPT, work_event


def run(session: Session) -> Report:
    """Cancel the orders; needs attention when some are still working afterwards."""
    task = Task(Operation.CANCEL_ORDERS, CancelReport, show_cancellations, _exit_code)
    body = work_event(session, Command.CANCEL_ORDERS)
    return report_of(session, task, body)._replace(kept=KEPT)


def _exit_code(report: CancelReport) -> ExitCode:
    return ExitCode.DONE if report.is_clear else ExitCode.NEEDS_ATTENTION
