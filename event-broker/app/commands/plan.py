"""`plan`: what all accounts of a strategy would trade, in one table."""

from __future__ import annotations

from app.report.results import StrategyPreview
from app.report.strategy import show_strategy

from .outcome import ExitCode, Report
from .session import Session
from .task import run_plan


def run(session: Session) -> Report:
    """Preview the accounts; failed when any of them cannot be traded."""
    arguments = session.arguments
    body = run_plan(session, arguments.strategy, exact=arguments.exact)
    preview = StrategyPreview.model_validate_json(body)
    refused = any(account.error for account in preview.accounts)
    return Report(
        exit_code=ExitCode.FAILED if refused else ExitCode.DONE,
        document=body.decode(),
        show=lambda: show_strategy(preview, session.settings),
    )
