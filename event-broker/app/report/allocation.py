"""What previews and runs show alike: the account's heading and its lines before and after."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from app.settings import Settings
from broker_connector_base.models import AccountConfig
from rebalance_workflow.results import HoldingReport, PreviewResult, RunResult

from .layout import heading, money, percent, price, shares, table


def account_heading(
    report: PreviewResult | RunResult, settings: Settings, account: AccountConfig
) -> Text:
    """Account, mode, strategy and the day its targets are for."""
    target = report.target
    strategy = target.long_name or target.name or target.strategy
    return heading(
        account.account_id,
        f"{settings.mode} ({account.type} account)",
        strategy,
        f"targets as of {target.as_of or 'an unknown day'}",
    )


def holdings_table(report: PreviewResult | RunResult, *, after: str) -> Table:
    """One line a symbol: shares, value and weight before and after, and the target."""
    grid = table("<Symbol", "Shares", after, "Price", "Value", "Weight", after, "Target", "<Why")
    for line in sorted(report.holdings, key=lambda line: (-line.target_weight, line.symbol)):
        grid.add_row(
            line.symbol,
            shares(line.quantity_before),
            _changed(line),
            price(line.price),
            money(line.value_before),
            percent(line.weight_before),
            percent(line.weight_after),
            percent(line.target_weight),
            Text(line.reason_code.value, style="dim"),
        )
    grid.add_section()
    plan = report.plan
    total = plan.total_value
    grid.add_row(
        "Cash",
        "",
        "",
        "",
        money(report.cash_before),
        percent(report.cash_before / total if total else None),
        percent(report.cash_after / total if total else None),
        percent(plan.cash_weight_target),
        Text(f"keep {money(report.cash_target)}", style="dim"),
    )
    grid.add_row("Total", "", "", "", money(total), report.currency, "", "", "", style="bold")
    return grid


def _changed(line: HoldingReport) -> Text:
    if line.quantity_after == line.quantity_before:
        return Text("=", style="dim")
    style = "green" if line.quantity_after > line.quantity_before else "red"
    return Text(shares(line.quantity_after), style=style)
