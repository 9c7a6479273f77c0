"""What a run shows."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from app.report import results
from app.report.run import show_run
from app.settings import Settings
from rebalance_calculator import Plan, Reconciliation
from rebalance_calculator.reconciliation import PositionCheck
from rebalance_workflow import TargetAllocation
from rebalance_workflow.results import (
    AwaitedCash,
    ExecutedTrade,
    HoldingReport,
    PreviewResult,
    ProposedTrade,
    RecoveredTrade,
    RunResult,
)

from .conftest import ACCOUNT, RUN, lines

MATCH = {"positions": [], "cash_difference": 0, "verdict": "match"}


def test_a_run_shows_fills_slippage_and_the_verdict(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run = {**RUN, "status": "done", "error": None, "reconciliation": MATCH}
    show_run(results.Run.model_validate(run), settings, ACCOUNT)
    shown = lines(capsys)
    assert ["sell", "6", "AAA", "market", "6", "50.51", "-0.06", "-", "filled"] in shown
    text = "\n".join(" ".join(line) for line in shown)
    assert "Slippage 0.00 Commission 1.00 USD Took 2.5 s" in text
    assert "Reconciliation: positions and cash are what the fills make them" in text
    assert shown[-1] == ["Done."]


def test_a_run_shows_what_an_earlier_one_traded_that_could_not_tell(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    trade = {
        "symbol": "AGG",
        "quantity": 401,
        "filled_quantity": 400,
        "average_price": 98.1,
        "status": "CANCELLED",
    }
    run = {**RUN, "status": "nothing to do", "error": None, "reconciliation": MATCH}
    run |= {"orders": [], "recovered": [trade]}
    show_run(results.Run.model_validate(run), settings, ACCOUNT)
    shown = lines(capsys)
    assert ["Orders", "of", "an", "earlier", "run,", "told", "only", "now"] in shown
    assert ["buy", "401", "AGG", "400", "98.10", "cancelled"] in shown


@pytest.mark.parametrize(
    ("reconciliation", "part"),
    [
        (None, "could not be read"),
        (
            {
                "positions": [{"symbol": "AAA", "expected": 4, "actual": 5, "difference": 1}],
                "cash_difference": -50.5,
                "verdict": "mismatch",
            },
            "MISMATCH: AAA 5, expected 4; cash differs by -50.50",
        ),
    ],
)
def test_a_run_that_needs_attention_says_why(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    reconciliation: object,
    part: str,
) -> None:
    run = {
        **RUN,
        "status": "needs attention",
        "error": "AAA is not what it should be",
        "reconciliation": reconciliation,
    }
    show_run(results.Run.model_validate(run), settings, ACCOUNT)
    output = capsys.readouterr().out
    assert part in output
    assert "Needs attention" in output
    assert "AAA is not what it should be" in output


@pytest.mark.parametrize(
    ("shown", "full"),
    [
        (results.Preview, PreviewResult),
        (results.Run, RunResult),
        (results.Target, TargetAllocation),
        (results.Plan, Plan),
        (results.Holding, HoldingReport),
        (results.AwaitedCash, AwaitedCash),
        (results.ProposedTrade, ProposedTrade),
        (results.ExecutedTrade, ExecutedTrade),
        (results.RecoveredTrade, RecoveredTrade),
        (results.Reconciliation, Reconciliation),
        (results.PositionCheck, PositionCheck),
    ],
)
def test_a_report_reads_only_what_the_workflow_tells(
    shown: type[BaseModel], full: type[BaseModel]
) -> None:
    assert set(shown.model_fields) <= set(full.model_fields)
