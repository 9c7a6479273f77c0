"""`rebalance`: what an account would trade to reach its targets, or the trades themselves."""

from __future__ import annotations

from app.account_process.messages import Operation
from app.events import Command
from app.report.preview import show_preview
from app.report.results import Preview, Run
from app.report.run import show_run
from broker_connector_base.models import RunStatus

from .outcome import ExitCode, Report
from .session import Session
from .task import Task, report_of, run_task

_EXIT_CODES = {
    RunStatus.DONE: ExitCode.DONE,
    RunStatus.NOTHING_TO_DO: ExitCode.DONE,
    RunStatus.FAILED: ExitCode.FAILED,
    RunStatus.NEEDS_ATTENTION: ExitCode.NEEDS_ATTENTION,
}


def run(session: Session) -> Report:
    """Preview (the default) or trade; without an account there was only the demo to reset."""
    if not session.accounts:
        return Report(ExitCode.DONE, "null", lambda: None)
    if session.arguments.execute == "rebalance":
        # Loaded while the fork server is: the store takes a moment.
        from .through_store import KEPT, work_event

        task = Task(Operation.REBALANCE, Run, show_run, _exit_code)
        body = work_event(session, Command.REBALANCE)
        return report_of(session, task, body)._replace(kept=KEPT)
    return run_task(session, Task(Operation.PREVIEW, Preview, show_preview))


def _exit_code(result: Run) -> ExitCode:
    return _EXIT_CODES[result.status]
