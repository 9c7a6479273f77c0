"""`reload`: check the configuration files; running services take them over by themselves.

A service looks for changed files every second and refuses bad ones. Whoever wants to know at once
whether what he wrote is good asks here: what is wrong is told with file and line, exit code 2.
"""

from __future__ import annotations

import json

from app.report.layout import console
from app.settings import processed_accounts

from .outcome import ExitCode, Report
from .service_needs import require_needs
from .session import Session


def run(session: Session) -> Report:
    """The files have been read by now, or the command would have ended."""
    require_needs(session.settings)
    accounts = [account.account_id for account in processed_accounts(session.settings)]

    def show() -> None:
        out = console()
        listed = ", ".join(accounts) or "no accounts"
        out.print(f"The files are good ({session.settings.mode}: {listed}).")
        out.print("Running services take them over within two seconds.")

    return Report(ExitCode.DONE, json.dumps({"accounts": accounts}), show)
