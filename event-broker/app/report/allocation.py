"""What previews and runs show alike: the account's heading and its lines before and after."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from app.settings import Settings
from broker_connector_base.models import AccountConfig

from .layout import heading, money, percent, price, shares, table
from .results import Holding, Result


def account_heading(report: Result, settings: Settings, account: AccountConfig) -> Text:
    """Account, mode, strategy and the day its targets are for."""
    target = report.target
    return heading(
        account.account_id,
        f"{settings.mode} ({account.type} account)",
        target.long_name or target.name or target.strategy,
        f"targets as of {target.as_of or 'an unknown day'}",
    )


def holdings_table(report: Result, *, after: str) -> Table:
    """One line a symbol: shares, value and weight before and after, and the target."""
    grid = table("<Symbol", "Shares", after, "Price", "Value", "Weight", after, "Target", "<Why")
    for line in sorted(report.holdings, key=lambda line: (-line.target_weight, line.symbol)):
        grid.add_row(
            line.symbol,
            shares(line.quantity_before),
            _shares_after(line),
            price(line.price),
            money(line.value_before),
            percent(line.weight_before),
            percent(line.weight_after),
            percent(line.target_weight),
            Text(line.reason_code, style="dim"),
        )
    grid.add_section()
    total = report.plan.total_value
    grid.add_row(
        "Cash",
        "",
        "",
        "",
        money(report.cash_before),
        percent(report.cash_before / total if total else None),
        percent(report.cash_after / total if total else None),
        percent(report.plan.cash_weight_target),
        Text(f"keep {money(report.cash_target)}", style="dim"),
    )
    grid.add_row("Total", "", "", "", money(total), report.currency, "", "", "", style="bold")
    return grid


def _shares_after(line: Holding) -> Text:
    if line.quantity_after == line.quantity_before:
        return Text("=", style="dim")
    style = "green" if line.quantity_after > line.quantity_before else "red"
    return Text(shares(line.quantity_after), style=style)
