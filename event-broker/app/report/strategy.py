"""A preview of a strategy: its accounts in one table, then what they trade in all."""

from __future__ import annotations

from decimal import Decimal

from rich.text import Text

from app.settings import Settings

from .layout import (
    UNKNOWN,
    Grid,
    console,
    figure,
    heading,
    money,
    name,
    percent,
    shares,
    warnings_block,
)
from .results import AccountFigures, AccountRow, StrategyPreview

_ZERO = Decimal(0)


def show_strategy(report: StrategyPreview, settings: Settings) -> None:
    """Print the preview."""
    out = console()
    target = report.target
    out.print(
        heading(
            report.strategy,
            settings.mode.value,
            target.long_name or target.name or report.strategy,
            f"targets as of {target.as_of or 'an unknown day'}",
        )
    )
    out.print()
    out.print(accounts_table(report.accounts))
    if notes := _notes(report):
        out.print(warnings_block(notes))
    if report.totals:
        out.print("\nAll accounts together", style="bold")
        out.print(totals_table(report))
    out.print(
        "\nNothing was sent. To trade an account: tools/rebalance.sh -account ID -exec rebalance"
    )


def accounts_table(rows: tuple[AccountRow, ...]) -> Grid:
    """One line an account, in the order of the configuration."""
    grid = Grid(
        name("Account"),
        figure("Value"),
        figure("Cash\nnow", rank=2),
        figure("Cash\nafter", rank=3),
        figure("Trades"),
        figure("Turnover"),
        figure("Drift\nnow"),
        figure("Drift\nafter"),
        figure("Within\nbp", rank=1),
        name(""),
    )
    for row in rows:
        grid.add_row(row.account_id, *_figures(row.figures))
    return grid


def totals_table(report: StrategyPreview) -> Grid:
    """One line a symbol, then all of them."""
    grid = Grid(
        name("Symbol"),
        figure("Buy\nshares"),
        figure("Buy\nvalue"),
        figure("Sell\nshares"),
        figure("Sell\nvalue"),
        figure("Net\nvalue"),
        figure("Accounts"),
    )
    for total in report.totals:
        grid.add_row(
            total.symbol,
            shares(total.bought) if total.bought else "",
            money(total.bought_value) if total.bought else "",
            shares(total.sold) if total.sold else "",
            money(total.sold_value) if total.sold else "",
            money(total.bought_value - total.sold_value, signed=True),
            str(total.accounts),
        )
    bought = sum((total.bought_value for total in report.totals), _ZERO)
    sold = sum((total.sold_value for total in report.totals), _ZERO)
    grid.add_section()
    grid.add_row(
        "Total", "", money(bought), "", money(sold), money(bought - sold, signed=True), style="bold"
    )
    return grid


def _figures(figures: AccountFigures | None) -> tuple[str | Text, ...]:
    if figures is None:
        return (*[UNKNOWN] * 8, Text("cannot trade", style="bold red"))
    trades = len(figures.proposed_trades)
    note = "" if trades else "nothing to do"
    if figures.awaited:
        note = "waits for cash"
    return (
        money(figures.total_value),
        money(figures.cash_before),
        money(figures.cash_after),
        str(trades),
        money(figures.turnover),
        percent(figures.drift_before),
        percent(figures.drift_after),
        f"{figures.bound_bp:.2f}",
        Text(note, style="dim"),
    )


def _notes(report: StrategyPreview) -> list[str]:
    """Reasons and warnings, each once, behind the accounts that it is about."""
    about: dict[str, list[str]] = {}
    for row in report.accounts:
        said = [f"cannot trade: {row.error.message}"] if row.error else []
        for note in (*said, *(row.figures.warnings if row.figures else ())):
            about.setdefault(note, []).append(row.account_id)
    return [f"{', '.join(accounts)}: {note}" for note, accounts in about.items()]
