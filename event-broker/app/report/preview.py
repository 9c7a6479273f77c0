"""A preview: where the account stands, what would be traded and why, and what that would cost."""

from __future__ import annotations

from rich.table import Table

from app.settings import Settings
from broker_connector_base.models import AccountConfig

from .allocation import account_heading, holdings_table
from .layout import console, money, price, shares, side, table, warnings_block
from .orders import orders_table
from .results import Preview, ProposedTrade


def show_preview(report: Preview, settings: Settings, account: AccountConfig) -> None:
    """Print the preview."""
    out = console()
    out.print(account_heading(report, settings, account))
    out.print()
    out.print(holdings_table(report, after="After"))
    if report.open_orders:
        out.print("\nWorking orders", style="bold")
        out.print(orders_table(report.open_orders))
    if report.proposed_trades:
        out.print("\nProposed trades", style="bold")
        out.print(trades_table(report.proposed_trades))
        out.print(
            f"\nCash {money(report.cash_before)} -> {money(report.cash_after)} {report.currency}"
            f"   Estimated cost {money(report.estimated_cost)}"
            f"   At most {report.plan.bound_bp:.2f} bp from the best possible"
        )
    if report.warnings:
        out.print(warnings_block(report.warnings))
    if report.proposed_trades:
        out.print(
            f"Nothing was sent. To trade: tools/rebalance.sh -account {account.account_id} "
            "-exec rebalance"
        )
    else:
        out.print("Nothing to do: the account is on its targets.", style="bold")


def trades_table(trades: tuple[ProposedTrade, ...]) -> Table:
    """One line a trade, in the order in which they would be sent."""
    grid = table("<Side", "Shares", "<Symbol", "<Order", "Value", "Fee", "<Why")
    for trade in trades:
        market = trade.limit_price is None
        grid.add_row(
            side(trade.quantity),
            shares(abs(trade.quantity)),
            trade.symbol,
            "market" if market else f"limit {price(trade.limit_price)}",
            money(abs(trade.quantity) * trade.estimated_price),
            money(trade.estimated_fee),
            trade.reason,
        )
    return grid
