"""`cancel-orders`: cancel what runs of this account left working at the broker."""

import argparse

from app.account_process.messages import Operation
from app.account_process.results import CancelReport
from app.report.orders import show_cancellations

from .outcome import ExitCode
from .runner import Task, run_task


def run(arguments: argparse.Namespace) -> int:
    """Cancel the orders; needs attention when some are still working afterwards."""
    task = Task(Operation.CANCEL_ORDERS, CancelReport, show_cancellations, _exit_code)
    return run_task(arguments, task)


def _exit_code(report: CancelReport) -> ExitCode:
    return ExitCode.DONE if report.is_clear else ExitCode.NEEDS_ATTENTION
