"""`doctor`: everything that a rebalance needs, checked in order, each with a one-line fix.

Without an account, every account that the mode processes is visited.
"""

from __future__ import annotations

import argparse

from app.account_process.messages import Operation
from app.account_process.results import Check, Diagnosis, Verdict
from app.report.doctor import show_diagnosis
from app.settings import Settings, processed_accounts
from broker_connector_base.models import AccountConfig

from .outcome import CommandFailed, ExitCode, Heading, print_document, say
from .runner import choose_account, gateway, make_job, read_settings, run_job


def run(arguments: argparse.Namespace) -> int:
    """Visit the accounts; failed when any check of any of them failed."""
    heading = Heading(arguments.command, arguments.account)
    try:
        settings = read_settings()
        heading = heading._replace(mode=settings.mode.value, notices=settings.notices)
        accounts = processed_accounts(settings)
        if arguments.account is not None:
            accounts = (choose_account(settings, arguments.account),)
        with gateway(settings) as address:
            visits = [(account, _visit(settings, account, address)) for account in accounts]
    except CommandFailed as failure:
        say(f"error: {failure}")
        if arguments.json:
            print_document(heading, failure.exit_code, error=failure)
        return failure.exit_code
    healthy = all(diagnosis.is_healthy for _, diagnosis in visits)
    code = ExitCode.DONE if healthy else ExitCode.FAILED
    if arguments.json:
        documents = ", ".join(diagnosis.model_dump_json() for _, diagnosis in visits)
        print_document(heading, code, result=f"[{documents}]")
    else:
        for account, diagnosis in visits:
            show_diagnosis(diagnosis, settings, account)
    return code


def _visit(settings: Settings, account: AccountConfig, address: tuple[str, int]) -> Diagnosis:
    job = make_job(settings, account, Operation.DIAGNOSE, *address)
    found = Diagnosis.model_validate_json(run_job(job, quiet=True))
    checks = (_configuration(settings), *found.checks)
    return Diagnosis(account_id=account.account_id, checks=checks)


def _configuration(settings: Settings) -> Check:
    name = "configuration"
    if settings.notices:
        return Check(
            name=name,
            verdict=Verdict.WARNING,
            detail="; ".join(settings.notices),
            fix="bring the files up to date",
        )
    detail = f"{len(settings.accounts)} accounts, mode {settings.mode}"
    return Check(name=name, verdict=Verdict.OK, detail=detail)
