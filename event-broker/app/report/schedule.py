"""The market-open list."""

from __future__ import annotations

from app.market import EXCHANGE_TIME
from app.settings import Settings
from broker_connector_base.values import UtcTime, Value

from .layout import Grid, console, name, words


class Listed(Value):
    """One account of the list."""

    account_id: str
    added_at: UtcTime
    added_by: str
    reason: str | None
    #: When it is rebalanced, or is being rebalanced; None when that cannot be said.
    due_at: UtcTime | None
    #: Why that is not at the next open, or not known.
    note: str | None = None


class MarketOpenReport(Value):
    """The list, and what was done to it."""

    message: str | None
    entries: tuple[Listed, ...]


def show_market_open_list(report: MarketOpenReport, settings: Settings) -> None:
    """Print the list; times are the exchange's."""
    out = console()
    if report.message:
        out.print(report.message)
    if not report.entries:
        out.print("No account is rebalanced at the next open.")
        return
    grid = Grid(name("Account"), name("Due, New York time"), name("Added by"), words("Why"))
    for entry in report.entries:
        grid.add_row(entry.account_id, _due(entry), entry.added_by, entry.reason or "")
    out.print(grid)
    for note in dict.fromkeys(entry.note for entry in report.entries if entry.note):
        out.print(note)
    if not settings.config.scheduler.enabled:
        out.print("scheduler.enabled is false in config.yaml: nothing happens at the open.")


def _due(entry: Listed) -> str:
    if entry.due_at is None:
        return "not known"
    return f"{entry.due_at.astimezone(EXCHANGE_TIME):%a %Y-%m-%d %H:%M}"
