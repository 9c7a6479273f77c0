"""`doctor`: everything that a rebalance needs, checked in order, each with a one-line fix.

Without an account, every account that the mode processes is visited.
"""

from __future__ import annotations

from app.account_process.messages import Operation
from app.account_process.results import Check, Diagnosis, Verdict
from app.report.doctor import show_diagnosis
from app.settings import Settings
from broker_connector_base.models import AccountConfig

from .outcome import ExitCode, Report
from .service_needs import missing_needs
from .session import Session
from .task import run_operation


def run(session: Session) -> Report:
    """Visit the accounts; failed when any check of any of them failed."""
    visits = [(account, _visit(session, account)) for account in session.accounts]

    def show() -> None:
        for account, diagnosis in visits:
            show_diagnosis(diagnosis, session.settings, account)

    healthy = all(diagnosis.is_healthy for _, diagnosis in visits)
    documents = ", ".join(diagnosis.model_dump_json() for _, diagnosis in visits)
    return Report(ExitCode.DONE if healthy else ExitCode.FAILED, f"[{documents}]", show)


def _visit(session: Session, account: AccountConfig) -> Diagnosis:
    found = Diagnosis.model_validate_json(run_operation(session, account, Operation.DIAGNOSE))
    checks = (_configuration(session.settings), *found.checks)
    return Diagnosis(account_id=account.account_id, checks=checks)


def _configuration(settings: Settings) -> Check:
    name = "configuration"
    if problems := missing_needs(settings):
        return Check(
            name=name,
            verdict=Verdict.FAILED,
            detail="; ".join(problems),
            fix="set it in .env; a service does not start without",
        )
    if settings.notices:
        return Check(
            name=name,
            verdict=Verdict.WARNING,
            detail="; ".join(settings.notices),
            fix="bring the files up to date",
        )
    detail = f"{len(settings.accounts)} accounts, mode {settings.mode}"
    return Check(name=name, verdict=Verdict.OK, detail=detail)
