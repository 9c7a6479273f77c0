"""Working orders, and what became of those that were cancelled."""

from __future__ import annotations

from collections.abc import Sequence

from app.account_process.results import CancelReport, OrdersReport
from app.settings import Settings
from broker_connector_base.models import AccountConfig, OpenOrder

from .layout import UNKNOWN, Grid, console, figure, heading, money, name, price, shares, words


def show_orders(report: OrdersReport, settings: Settings, account: AccountConfig) -> None:
    """Print the working orders."""
    out = console()
    out.print(heading(account.account_id, settings.mode.value, f"{len(report.orders)} open orders"))
    if report.orders:
        out.print()
        out.print(orders_table(report.orders))


def show_cancellations(report: CancelReport, settings: Settings, account: AccountConfig) -> None:
    """Print what became of each order."""
    out = console()
    out.print(heading(account.account_id, settings.mode.value, "cancel orders"))
    for title, orders in (
        ("No longer working", report.ended),
        ("Still working: look at the broker", report.still_working),
        ("Of others, not cancelled here: only their owner can", report.foreign),
    ):
        if orders:
            out.print(f"\n{title}")
            out.print(orders_table(orders))
    for fill in report.fills:
        out.print(
            f"Filled meanwhile: {fill.symbol} {shares(fill.quantity, signed=True)} "
            f"at {money(fill.price)}"
        )
    if report.fills_unknown:
        out.print(f"What filled meanwhile could not be read: {report.fills_unknown}")
    if not (report.ended or report.still_working or report.foreign):
        out.print("There were no open orders.")


def orders_table(orders: Sequence[OpenOrder]) -> Grid:
    """One line an order."""
    grid = Grid(
        name("Symbol"),
        figure("Shares"),
        figure("Filled"),
        name("Type", rank=2),
        figure("Limit"),
        name("Status"),
        name("Order", rank=1),
        words("Placed by"),
    )
    for order in orders:
        grid.add_row(
            order.symbol,
            shares(order.quantity, signed=True),
            shares(order.filled_quantity),
            f"{order.order_type} {order.time_in_force or ''}".rstrip(),
            price(order.limit_price),
            order.status.value.lower(),
            order.permanent_id or order.order_id or UNKNOWN,
            "this account's runs" if order.own else "somebody else",
        )
    return grid
