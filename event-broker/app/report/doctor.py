"""The doctor's findings."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from app.account_process.results import Check, Diagnosis, Verdict
from app.settings import Settings
from broker_connector_base.models import AccountConfig

from .layout import console, heading

_MARKS = {
    Verdict.OK: Text("ok", style="green"),
    Verdict.WARNING: Text("warn", style="yellow"),
    Verdict.FAILED: Text("FAIL", style="bold red"),
    Verdict.SKIPPED: Text("skip", style="dim"),
}


def show_diagnosis(diagnosis: Diagnosis, settings: Settings, account: AccountConfig) -> None:
    """Print one line a check, and what to do below those that need it."""
    out = console()
    verdict = "ready" if diagnosis.is_healthy else "not ready"
    out.print(heading(account.account_id, settings.mode.value, verdict))
    out.print(checks_table(diagnosis.checks))


def checks_table(checks: tuple[Check, ...]) -> Table:
    """Verdict, name, finding; the remedy on a line of its own."""
    grid = Table.grid(padding=(0, 2))
    for check in checks:
        grid.add_row(_MARKS[check.verdict], check.name, check.detail)
        if check.fix:
            grid.add_row("", "", Text(f"-> {check.fix}", style="bold"))
    return grid
