"""Tables at every width, and what they say of an account before and after a run."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from decimal import Decimal

import pytest
from rich.console import Console

from app.report.allocation import final_holdings, projected_holdings
from app.report.layout import Grid, figure, name, words
from app.report.preview import trades_table
from app.report.results import Preview, Run
from app.report.run import orders_table

HOLDINGS = [
    # Sold down to its target, bought in part, left alone, on its target.
    ("LARGEST", 1200, 1000, 104.5, 125_400, 104_500, 0.6, 0.5, 0.5, "overweight"),
    ("PARTIAL", 0, 40, 50, 0, 2_000, 0, 0.01, 0.3, "underweight"),
    ("BLOCKED", 7, 7, 17.115, 119.81, 119.81, 0.0006, 0.0006, 0.1, "not enough cash"),
    ("AT", 100, 100, 10, 1_000, 1_000, 0.005, 0.005, 0.005, "on target"),
    ("STUB", 0.5, 0.5, None, None, None, None, None, 0, "fractional stub"),
]
KEYS = [
    *("symbol", "quantity_before", "quantity_after", "price", "value_before", "value_after"),
    *("weight_before", "weight_after", "target_weight", "reason_code"),
]
BOTH = {
    "currency": "USD",
    "target": {"strategy": "alpha"},
    "plan": {"total_value": 209_000, "cash_weight_target": 0.01, "bound_bp": 0.5},
    "holdings": [dict(zip(KEYS, line, strict=True)) for line in HOLDINGS],
    "cash_before": 82_480.19,
    "cash_after": 101_380.19,
    "cash_target": 2_090,
    "warnings": [],
}


def order(symbol: str, quantity: int, filled: int, status: str) -> dict[str, object]:
    return {
        "symbol": symbol,
        "quantity": quantity,
        "limit_price": 1204.5,
        "filled_quantity": filled,
        "average_price": 1204.45,
        "slippage": -1234.56,
        "commission": 1.25,
        "status": status,
        "message": None,
    }


RUN = Run.model_validate(
    {
        **BOTH,
        "status": "needs attention",
        "error": None,
        "total_value": 209_005.5,
        "started_at": "2025-06-24T14:00:00Z",
        "finished_at": "2025-06-24T14:00:02Z",
        "slippage": 0,
        "commission": 2,
        "reconciliation": None,
        "orders": [
            order("LARGEST", -200, 200, "FILLED"),
            order("PARTIAL", 1200, 40, "CANCELLED"),
        ],
    }
)
TRADE = {
    "symbol": "LARGEST",
    "quantity": -1200,
    "limit_price": 104.52,
    "estimated_price": 104.5,
    "estimated_fee": 1.25,
    "reason": "60.0 % now, 50.0 % wanted",
}
PREVIEW = Preview.model_validate(
    {**BOTH, "proposed_trades": [TRADE], "estimated_cost": 1, "open_orders": []}
)


def rendered(grid: Grid, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as captured:
        console.print(grid)
    return captured.get().splitlines()


def rows(grid: Grid) -> dict[str, list[str]]:
    """The words of each row after the first, by the first."""
    found = (line.split() for line in rendered(grid, 200))
    return {words[0]: words[1:] for words in found if words}


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_symbols_and_shares_are_whole_at_every_width(width: int) -> None:
    for grid in (final_holdings(RUN), projected_holdings(PREVIEW)):
        lines = rendered(grid, width)
        assert max(map(len, lines)) <= width
        for line in HOLDINGS:
            shown = next(text for text in lines if text.startswith(f"{line[0]} ")).split()
            assert shown[1] == f"{Decimal(str(line[1])):,f}"
            assert f"{Decimal(str(line[8])) * 100:.1f}" in shown
    sold = next(text for text in rendered(orders_table(RUN.orders), width) if "sell" in text)
    assert sold.split()[:3] == ["sell", "200", "LARGEST"]
    (proposed,) = (t for t in rendered(trades_table(PREVIEW.proposed_trades), width) if "sell" in t)
    assert proposed.split()[:3] == ["sell", "1,200", "LARGEST"]


def test_what_matters_least_is_left_out_first() -> None:
    for width, titles in (
        (100, {"Symbol", "Shares", "Price", "Value", "Weight", "Target", "Why"}),
        (75, {"Symbol", "Shares", "Value", "Weight", "Target", "Why"}),
        (60, {"Symbol", "Shares", "Value", "Weight", "Target"}),
        (48, {"Symbol", "Shares", "Weight", "Target"}),
    ):
        heading = " ".join(rendered(final_holdings(RUN), width)[:2])
        assert set(heading.split()) - {"before", "now"} == titles, width


def test_words_take_several_lines_before_a_column_goes() -> None:
    grid = Grid(name("Symbol"), figure("Shares", rank=1), words("Why"))
    grid.add_row("AAA", "10", "one two three four")
    assert [line.split() for line in rendered(grid, 25)[2:]] == [
        ["AAA", "10", "one", "two"],
        ["three"],
        ["four"],
    ]


def test_after_a_run_the_figures_are_those_at_its_end() -> None:
    shown = rows(final_holdings(RUN))
    assert shown["LARGEST"] == [
        "1,200", "1,000", "104.50", "104,500.00", "60.0", "%", "50.0", "%", "50.0", "%",
    ]  # fmt: skip
    assert shown["Total"] == ["209,005.50", "USD"]
    # 101,380.19 of 209,000.00: 104,500 + 2,000 + 119.81 + 1,000 and the cash itself.
    assert shown["Cash"][:7] == ["101,380.19", "39.5", "%", "48.5", "%", "1.0", "%"]


def test_after_a_run_only_what_is_left_to_say_is_said() -> None:
    shown = rows(final_holdings(RUN))
    assert shown["PARTIAL"][-2:] == ["order", "cancelled"]
    assert shown["BLOCKED"][-3:] == ["not", "enough", "cash"]
    assert shown["STUB"][-2:] == ["fractional", "stub"]
    assert shown["AT"][-1] == "%"


def test_a_preview_shows_the_values_now_and_every_reason() -> None:
    shown = rows(projected_holdings(PREVIEW))
    assert shown["LARGEST"][3] == "125,400.00"
    assert shown["LARGEST"][-1] == "overweight"
    assert shown["AT"][-2:] == ["on", "target"]
    assert shown["Total"] == ["209,000.00", "USD"]
    assert shown["Cash"][0] == "82,480.19"


@pytest.mark.parametrize("kind", ["dumb", "xterm"])
@pytest.mark.parametrize(("columns", "used"), [(72, 72), (104, 104), (300, 120)])
def test_a_terminal_is_as_wide_as_it_is_whatever_it_calls_itself(
    kind: str, columns: int, used: int
) -> None:
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    show = "from app.report.layout import console; console().rule()"
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    subprocess.run(
        [sys.executable, "-P", "-c", show],
        env=environment | {"TERM": kind, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=inner,
        check=True,
        timeout=60,
    )
    assert os.read(outer, 10_000).decode().strip() == "─" * used
    os.close(inner)
    os.close(outer)
