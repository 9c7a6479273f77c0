"""A finished run: what was traded at what price, where the account ended, whether it adds up."""

from __future__ import annotations

from rich.text import Text

from app.settings import Settings
from broker_connector_base.models import AccountConfig, RunStatus

from .allocation import account_heading, final_holdings, nothing_to_do
from .layout import (
    Grid,
    console,
    figure,
    money,
    name,
    price,
    shares,
    side,
    warnings_block,
    words,
)
from .results import ExecutedTrade, Reconciliation, RecoveredTrade, Run
from .trades import cells, columns

_VERDICTS = {
    RunStatus.DONE: ("Done.", "bold green"),
    RunStatus.FAILED: ("Failed.", "bold red"),
    RunStatus.NEEDS_ATTENTION: ("Needs attention: look at the account first.", "bold red"),
}


def show_run(report: Run, settings: Settings, account: AccountConfig) -> None:
    """Print the run."""
    out = console()
    out.print(account_heading(report, settings, account))
    if report.recovered:
        out.print("\nOrders of an earlier run, told only now", style="bold")
        out.print(recovered_table(report.recovered))
    if report.orders:
        out.print("\nOrders", style="bold")
        out.print(orders_table(report.orders))
        seconds = (report.finished_at - report.started_at).total_seconds()
        out.print(
            f"\nSlippage {money(report.slippage, signed=True)}"
            f"   Commission {money(report.commission)} {report.currency}"
            f"   Took {seconds:.1f} s"
        )
    out.print("\nHoldings", style="bold")
    out.print(final_holdings(report))
    out.print(_reconciliation(report.reconciliation))
    if report.warnings:
        out.print(warnings_block(report.warnings))
    out.print(_verdict(report))
    if report.error:
        out.print(report.error)


def _verdict(report: Run) -> Text:
    if report.status is RunStatus.NOTHING_TO_DO:
        return Text(nothing_to_do(report.awaited), style="bold")
    text, style = _VERDICTS[report.status]
    return Text(text, style=style)


def orders_table(orders: tuple[ExecutedTrade, ...]) -> Grid:
    """One line an order, in the order in which they were sent."""
    grid = Grid(
        *columns(order_rank=1),
        figure("Filled"),
        figure("At"),
        figure("Slippage", rank=2),
        figure("Fee", rank=3),
        words("Status"),
    )
    for order in orders:
        grid.add_row(
            *cells(order),
            shares(order.filled_quantity),
            price(order.average_price),
            money(order.slippage, signed=True),
            money(order.commission),
            f"{order.status.lower()}{f': {order.message}' if order.message else ''}",
        )
    return grid


def recovered_table(orders: tuple[RecoveredTrade, ...]) -> Grid:
    """One line an order."""
    grid = Grid(
        name("Side"),
        figure("Shares"),
        name("Symbol"),
        figure("Filled"),
        figure("At"),
        words("Status"),
    )
    for order in orders:
        grid.add_row(
            side(order.quantity),
            shares(abs(order.quantity)),
            order.symbol,
            shares(order.filled_quantity),
            price(order.average_price),
            order.status.lower(),
        )
    return grid


def _reconciliation(found: Reconciliation | None) -> Text:
    if found is None:
        return Text("\nReconciliation: the account could not be read at the end", style="bold red")
    if found.verdict == "match":
        return Text("\nReconciliation: positions and cash are what the fills make them")
    lines = [
        f"{check.symbol} {shares(check.actual)}, expected {shares(check.expected)}"
        for check in found.positions
        if check.difference
    ]
    lines.append(f"cash differs by {money(found.cash_difference, signed=True)}")
    return Text(f"\nReconciliation: MISMATCH: {'; '.join(lines)}", style="bold red")
