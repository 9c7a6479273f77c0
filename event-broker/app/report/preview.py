"""A preview: where the account stands, what would be traded and why, and what that would cost."""

from __future__ import annotations

from app.settings import Settings
from broker_connector_base.models import AccountConfig

from .allocation import account_heading, nothing_to_do, projected_holdings
from .layout import Grid, console, figure, money, warnings_block, words
from .orders import orders_table
from .results import Preview, ProposedTrade
from .trades import cells, columns


def show_preview(report: Preview, settings: Settings, account: AccountConfig) -> None:
    """Print the preview."""
    out = console()
    out.print(account_heading(report, settings, account))
    out.print()
    out.print(projected_holdings(report))
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
        out.print(nothing_to_do(report.awaited), style="bold")


def trades_table(trades: tuple[ProposedTrade, ...]) -> Grid:
    """One line a trade, in the order in which they would be sent."""
    grid = Grid(*columns(order_rank=2), figure("Value"), figure("Fee", rank=1), words("Why"))
    for trade in trades:
        grid.add_row(
            *cells(trade),
            money(abs(trade.quantity) * trade.estimated_price),
            money(trade.estimated_fee),
            trade.reason,
        )
    return grid
