"""What previews and runs show alike: the account's heading and its lines before and after."""

from __future__ import annotations

from decimal import Decimal

from rich.text import Text

from app.settings import Settings
from broker_connector_base.models import AccountConfig

from .layout import Grid, figure, heading, money, name, percent, price, shares, words
from .results import AwaitedCash, Holding, Preview, Result, Run

_FILLED = "FILLED"
_ON_TARGET = "on target"


def account_heading(report: Result, settings: Settings, account: AccountConfig) -> Text:
    """Account, mode, strategy and the day its targets are for."""
    target = report.target
    return heading(
        account.account_id,
        f"{settings.mode} ({account.type} account)",
        target.long_name or target.name or target.strategy,
        f"targets as of {target.as_of or 'an unknown day'}",
    )


def nothing_to_do(awaited: AwaitedCash | None) -> str:
    """Why nothing is traded now."""
    if awaited is None:
        return "Nothing to do: the account is on its targets."
    return f"Nothing to do before {awaited.settles_on}: the rest is bought when the cash settles."


def projected_holdings(report: Preview) -> Grid:
    """One line a symbol: shares and weight now and after the proposed trades."""
    grid = _grid("now", "after")
    for line in _by_target(report):
        reason = line.reason_code
        grid.add_row(*_figures(line, line.value_before), Text(reason, style="dim"))
    _add_cash_and_total(grid, report, cash=report.cash_before, total=report.plan.total_value)
    return grid


def final_holdings(report: Run) -> Grid:
    """One line a symbol, before the run and now; why only where something is left to say."""
    grid = _grid("before", "now")
    last_status = {order.symbol: order.status for order in report.orders}
    for line in _by_target(report):
        status = last_status.get(line.symbol)
        reason = line.reason_code if status is None else f"order {status.lower()}"
        settled = status == _FILLED or reason == _ON_TARGET
        grid.add_row(*_figures(line, line.value_after), Text("" if settled else reason, "dim"))
    _add_cash_and_total(grid, report, cash=report.cash_after, total=report.total_value)
    return grid


def _grid(first: str, second: str) -> Grid:
    return Grid(
        name("Symbol"),
        figure(f"Shares\n{first}"),
        figure(f"Shares\n{second}"),
        figure("Price", rank=1),
        # The last to go, since it has the amounts of cash and total.
        figure("Value\nnow", rank=3),
        figure(f"Weight\n{first}"),
        figure(f"Weight\n{second}"),
        figure("Target"),
        words("Why", rank=2),
    )


def _by_target(report: Result) -> list[Holding]:
    return sorted(report.holdings, key=lambda line: (-line.target_weight, line.symbol))


def _figures(line: Holding, value: Decimal | None) -> tuple[str | Text, ...]:
    return (
        line.symbol,
        shares(line.quantity_before),
        _shares_after(line),
        price(line.price),
        money(value),
        percent(line.weight_before),
        percent(line.weight_after),
        percent(line.target_weight),
    )


def _add_cash_and_total(grid: Grid, report: Result, *, cash: Decimal, total: Decimal) -> None:
    # Weights are of what the plan manages: cash and the holdings with a price of their own.
    managed = (line.value_after for line in report.holdings if line.price is not None)
    before, after = report.plan.total_value, report.cash_after + sum(filter(None, managed))
    grid.add_section()
    grid.add_row(
        "Cash",
        "",
        "",
        "",
        money(cash),
        percent(report.cash_before / before if before else None),
        percent(report.cash_after / after if after else None),
        percent(report.plan.cash_weight_target),
        Text(f"keep {money(report.cash_target)}", style="dim"),
    )
    grid.add_row("Total", "", "", "", money(total), report.currency, style="bold")


def _shares_after(line: Holding) -> Text:
    if line.quantity_after == line.quantity_before:
        return Text("=", style="dim")
    style = "green" if line.quantity_after > line.quantity_before else "red"
    return Text(shares(line.quantity_after), style=style)
