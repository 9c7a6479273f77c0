"""What the preview of a strategy shows a person, from results written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.report import results
from app.report.strategy import show_strategy
from app.settings import Settings, load_settings
from rebalance_workflow import strategy_results as full


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings(home, {})


def trade(symbol: str, quantity: int, price: float) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "quantity": quantity,
        "limit_price": price if quantity > 0 else None,
        "estimated_price": price,
        "estimated_fee": 1,
        "reason": "because",
    }


def figures(*trades: dict[str, Any], warnings: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "currency": "USD",
        "total_value": 12_345.5,
        "cash_before": 2_000,
        "cash_after": 123.45,
        "proposed_trades": trades,
        "turnover": 1_900.25,
        "drift_before": 0.152,
        "drift_after": 0.004,
        "bound_bp": 1.5,
        "warnings": warnings,
    }


REPORT = {
    "strategy": "alpha",
    "target": {"strategy": "alpha", "long_name": "Alpha Blend", "as_of": "2025-06-24"},
    "accounts": [
        {
            "account_id": "DU100",
            "figures": figures(trade("AAA", 6, 50.5), warnings=("AAA is halted",)),
            "error": None,
        },
        {"account_id": "DU200", "figures": None, "error": {"message": "not of this login"}},
        {"account_id": "DU300", "figures": figures(warnings=("AAA is halted",)), "error": None},
    ],
    "totals": [
        {
            "symbol": "AAA",
            "bought": 1_206,
            "bought_value": 60_903,
            "sold": 6,
            "sold_value": 303,
            "accounts": 2,
        }
    ],
}


def lines(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_every_account_is_a_line_and_every_reason_is_told_once(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    show_strategy(results.StrategyPreview.model_validate(REPORT), settings)
    shown = lines(capsys)
    assert shown[0][:4] == ["alpha", "·", "simulation", "·"]
    numbers = ["12,345.50", "2,000.00", "123.45"]
    rest = ["1,900.25", "15.2", "%", "0.4", "%", "1.50"]
    assert ["DU100", *numbers, "1", *rest] in shown
    assert ["DU200", *["-"] * 8, "cannot", "trade"] in shown
    assert ["DU300", *numbers, "0", *rest, "nothing", "to", "do"] in shown
    assert ["!", "DU100,", "DU300:", "AAA", "is", "halted"] in shown
    assert ["!", "DU200:", "cannot", "trade:", "not", "of", "this", "login"] in shown
    assert ["AAA", "1,206", "60,903.00", "6", "303.00", "+60,600.00", "2"] in shown
    assert ["Total", "60,903.00", "303.00", "+60,600.00"] in shown


def test_an_account_that_waits_for_its_cash_says_so(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    awaited = {"amount": 500, "settles_on": "2026-01-06"}
    account = {"account_id": "DU100", "figures": {**figures(), "awaited": awaited}, "error": None}
    report = {**REPORT, "accounts": [account], "totals": []}
    show_strategy(results.StrategyPreview.model_validate(report), settings)
    assert any(line[-3:] == ["waits", "for", "cash"] for line in lines(capsys))


def test_without_trades_there_are_no_totals(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = {**REPORT, "totals": []}
    show_strategy(results.StrategyPreview.model_validate(idle), settings)
    assert ["All", "accounts", "together"] not in lines(capsys)


@pytest.mark.parametrize(
    ("shown", "whole"),
    [
        (results.StrategyPreview, full.StrategyPreview),
        (results.AccountRow, full.AccountRow),
        (results.AccountFigures, full.AccountFigures),
        (results.Refusal, full.Refusal),
        (results.SymbolTotal, full.SymbolTotal),
    ],
)
def test_what_is_shown_is_part_of_the_whole_result(
    shown: type[BaseModel], whole: type[BaseModel]
) -> None:
    assert set(shown.model_fields) <= set(whole.model_fields)
