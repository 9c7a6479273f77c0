"""Holdings and equity of an account."""

from __future__ import annotations

from decimal import Decimal

from app.settings import Settings
from broker_connector_base.models import AccountConfig, AccountPosition, AccountSnapshot

from .layout import Grid, console, figure, heading, money, name, percent, price, shares


def show_positions(snapshot: AccountSnapshot, settings: Settings, account: AccountConfig) -> None:
    """Print the account's holdings and cash."""
    out = console()
    out.print(heading(account.account_id, settings.mode.value, account.strategy_name))
    out.print()
    out.print(holdings_table(snapshot))


def holdings_table(snapshot: AccountSnapshot) -> Grid:
    """Holdings by value, then cash, then the total."""
    total = snapshot.total_value
    grid = Grid(
        name("Symbol"),
        figure("Shares"),
        figure("Price", rank=2),
        figure("Value"),
        figure("Weight"),
        figure("Average cost", rank=1),
        figure("Unrealised", rank=3),
    )
    for position in sorted(snapshot.positions, key=lambda p: -abs(p.market_value or Decimal(0))):
        foreign = position.currency != snapshot.currency
        grid.add_row(
            _label(position, foreign=foreign),
            shares(position.quantity),
            price(position.market_price),
            money(position.market_value),
            percent(None if foreign else _share(position.market_value, total)),
            price(position.average_cost),
            money(_gain(position), signed=True),
        )
    grid.add_section()
    cash = snapshot.cash_balance
    grid.add_row("Cash", "", "", money(cash), percent(_share(cash, total)))
    grid.add_row("Total", "", "", money(total), f"{snapshot.currency}", style="bold")
    return grid


def show_equity(snapshot: AccountSnapshot, settings: Settings, account: AccountConfig) -> None:
    """Print net liquidation and the kinds of cash."""
    invested = sum((p.market_value or Decimal(0) for p in snapshot.positions), Decimal(0))
    out = console()
    out.print(heading(account.account_id, settings.mode.value, account.strategy_name))
    out.print()
    grid = Grid(name(snapshot.currency), figure("Amount"), figure("Of total"))
    for kind, amount in (
        ("Positions", invested),
        ("Cash", snapshot.cash_balance),
        ("of which settled", snapshot.settled_cash),
        ("Available funds", snapshot.available_funds),
    ):
        grid.add_row(kind, money(amount), percent(_share(amount, snapshot.total_value)))
    grid.add_section()
    grid.add_row("Net liquidation", money(snapshot.total_value), "", style="bold")
    out.print(grid)
    foreign = {c: v for c, v in snapshot.cash_by_currency.items() if c != snapshot.currency and v}
    for currency, amount in sorted(foreign.items()):
        out.print(f"Cash in {currency}: {money(amount)}")


def _label(position: AccountPosition, *, foreign: bool) -> str:
    kind = "" if position.security_type == "STK" else f" ({position.security_type})"
    return f"{position.symbol}{kind}{f' {position.currency}' if foreign else ''}"


def _share(amount: Decimal | None, total: Decimal) -> Decimal | None:
    return amount / total if amount is not None and total else None


def _gain(position: AccountPosition) -> Decimal | None:
    if position.market_value is None or position.average_cost is None:
        return None
    return position.market_value - position.average_cost * position.quantity
