"""Reports for a person, from results written by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.account_process.results import CancelReport, Check, Diagnosis, OrdersReport, Verdict
from app.report import layout, results
from app.report.doctor import show_diagnosis
from app.report.holdings import show_equity, show_positions
from app.report.orders import show_cancellations, show_orders
from app.report.preview import show_preview
from app.report.progress import ProgressLines
from app.report.run import show_run
from app.settings import Settings, load_settings
from broker_connector_base import (
    AccountConfig,
    AccountPosition,
    AccountSnapshot,
    Fill,
    OpenOrder,
    OrderStatus,
)
from rebalance_calculator import Plan, Reconciliation
from rebalance_calculator.reconciliation import PositionCheck
from rebalance_workflow import TargetAllocation
from rebalance_workflow.results import (
    AwaitedCash,
    ExecutedTrade,
    HoldingReport,
    PreviewResult,
    ProposedTrade,
    RunResult,
)

ACCOUNT = AccountConfig(account_id="DU100", type="paper", strategy_name="alpha")

COMMON = {
    "currency": "USD",
    "target": {"strategy": "alpha", "long_name": "Alpha Blend", "as_of": "2025-06-24"},
    "plan": {"total_value": 1000, "cash_weight_target": 0.01, "bound_bp": 0.5},
    "holdings": [
        {
            "symbol": "AAA",
            "quantity_before": 10,
            "quantity_after": 4,
            "price": 50.5,
            "value_before": 505,
            "value_after": 202,
            "weight_before": 0.505,
            "weight_after": 0.202,
            "target_weight": 0.2,
            "reason_code": "overweight",
        },
        {
            "symbol": "BBB",
            "quantity_before": 0.5,
            "quantity_after": 0.5,
            "price": None,
            "value_before": None,
            "value_after": None,
            "weight_before": None,
            "weight_after": None,
            "target_weight": 0,
            "reason_code": "fractional stub",
        },
    ],
    "cash_before": 495,
    "cash_after": 797.12,
    "cash_target": 10,
    "warnings": ["BBB: half a share stays"],
}

ORDER = OpenOrder(
    order_id="7",
    symbol="AAA",
    quantity=Decimal(-6),
    status=OrderStatus.WORKING,
    order_type="LIMIT",
    limit_price=Decimal("50.25"),
    time_in_force="DAY",
)


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings(home, {})


def lines(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The words of each line that has any."""
    return [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_a_preview_shows_account_targets_trades_cash_and_cost(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    trade = {
        "symbol": "AAA",
        "quantity": -6,
        "limit_price": None,
        "estimated_price": 50.5,
        "estimated_fee": 1,
        "reason": "50.5 % now, 20.0 % wanted",
    }
    preview = results.Preview.model_validate(
        {**COMMON, "proposed_trades": [trade], "estimated_cost": 1.3, "open_orders": [ORDER]}
    )
    show_preview(preview, settings, ACCOUNT)
    shown = lines(capsys)
    heading = " ".join(shown[0])
    for part in ("DU100", "simulation (paper account)", "Alpha Blend", "as of 2025-06-24"):
        assert part in heading
    assert shown[4][:11] == [
        "AAA",
        "10",
        "4",
        "50.50",
        "505.00",
        "50.5",
        "%",
        "20.2",
        "%",
        "20.0",
        "%",
    ]
    assert shown[5][:5] == ["BBB", "0.5", "=", "-", "-"]
    assert ["sell", "6", "AAA", "market", "303.00", "1.00"] in [line[:6] for line in shown]
    text = "\n".join(" ".join(line) for line in shown)
    assert "Cash 495.00 -> 797.12 USD Estimated cost 1.30" in text
    assert "! BBB: half a share stays" in text
    assert "Nothing was sent. To trade: tools/rebalance.sh -account DU100 -exec rebalance" in text


def test_a_preview_without_trades_says_that_nothing_is_to_be_done(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    preview = results.Preview.model_validate(
        {**COMMON, "proposed_trades": [], "estimated_cost": 0, "open_orders": []}
    )
    show_preview(preview, settings, ACCOUNT)
    assert "Nothing to do" in capsys.readouterr().out


def test_what_waits_for_money_is_not_called_on_target(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = {**COMMON, "awaited": {"amount": 500, "settles_on": "2026-01-06"}}
    preview = {**waiting, "proposed_trades": [], "estimated_cost": 0, "open_orders": []}
    run = {**RUN, **waiting, "orders": [], "status": "nothing to do"}
    run |= {"error": None, "reconciliation": None}
    show_preview(results.Preview.model_validate(preview), settings, ACCOUNT)
    show_run(results.Run.model_validate(run), settings, ACCOUNT)
    shown = capsys.readouterr().out
    assert shown.count("Nothing to do before 2026-01-06: the rest is bought when the cash") == 2
    assert "on its targets" not in shown


RUN = {
    **COMMON,
    "started_at": "2025-06-24T14:00:00Z",
    "finished_at": "2025-06-24T14:00:02.5Z",
    "total_value": 999.12,
    "slippage": -0.004,
    "commission": 1,
    "orders": [
        {
            "symbol": "AAA",
            "quantity": -6,
            "limit_price": None,
            "filled_quantity": 6,
            "average_price": 50.51,
            "slippage": -0.06,
            "commission": None,
            "status": "FILLED",
            "message": None,
        }
    ],
}
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
        (results.Reconciliation, Reconciliation),
        (results.PositionCheck, PositionCheck),
    ],
)
def test_a_report_reads_only_what_the_workflow_tells(
    shown: type[BaseModel], full: type[BaseModel]
) -> None:
    assert set(shown.model_fields) <= set(full.model_fields)


def test_positions_and_equity_add_up(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = AccountSnapshot(
        account_id="DU100",
        total_value=Decimal(1000),
        cash_balance=Decimal(400),
        settled_cash=Decimal(390),
        cash_by_currency={"USD": Decimal(400), "EUR": Decimal("12.5")},
        positions=(
            AccountPosition(
                symbol="AAA",
                quantity=Decimal(10),
                market_price=Decimal(60),
                market_value=Decimal(600),
                average_cost=Decimal(50),
            ),
            AccountPosition(symbol="SPY", quantity=Decimal(-1), security_type="OPT"),
            AccountPosition(symbol="SAP", quantity=Decimal(1), currency="EUR"),
        ),
    )
    show_positions(snapshot, settings, ACCOUNT)
    shown = lines(capsys)
    assert ["AAA", "10", "60.00", "600.00", "60.0", "%", "50.00", "+100.00"] in shown
    assert ["SPY", "(OPT)", "-1"] in [line[:3] for line in shown]
    assert ["SAP", "EUR", "1"] in [line[:3] for line in shown]
    show_equity(snapshot, settings, ACCOUNT)
    shown = lines(capsys)
    assert ["Positions", "600.00", "60.0", "%"] in shown
    assert ["of", "which", "settled", "390.00", "39.0", "%"] in shown
    assert ["Net", "liquidation", "1,000.00"] in shown
    assert ["Cash", "in", "EUR:", "12.50"] in shown


def test_orders_say_who_placed_them(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = ORDER.model_copy(update={"symbol": "BBB", "own": False, "limit_price": None})
    show_orders(OrdersReport(account_id="DU100", orders=(ORDER, foreign)), settings, ACCOUNT)
    shown = lines(capsys)
    assert shown[3][:6] == ["AAA", "-6", "0", "LIMIT", "DAY", "50.25"]
    assert shown[3][-3:] == ["this", "account's", "runs"]
    assert shown[4][-2:] == ["somebody", "else"]


def test_cancellations_tell_what_became_of_each_order(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    fill = Fill.model_validate(
        {
            "execution_id": "1",
            "order_id": "7",
            "account_id": "DU100",
            "symbol": "AAA",
            "quantity": -6,
            "price": 50.5,
            "at": "2025-06-24T14:00:00Z",
        }
    )
    report = CancelReport(
        account_id="DU100", ended=(ORDER,), still_working=(ORDER,), foreign=(ORDER,), fills=(fill,)
    )
    show_cancellations(report, settings, ACCOUNT)
    output = capsys.readouterr().out
    for part in ("No longer working", "Still working", "Of others", "AAA -6 at 50.50"):
        assert part in output


def test_a_diagnosis_puts_the_fix_below_its_finding(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = (
        Check(name="config", verdict=Verdict.OK, detail="fine"),
        Check(name="gateway", verdict=Verdict.FAILED, detail="nobody there", fix="start it"),
    )
    show_diagnosis(Diagnosis(account_id="DU100", checks=checks), settings, ACCOUNT)
    shown = lines(capsys)
    assert shown[1] == ["ok", "config", "fine"]
    assert shown[2] == ["FAIL", "gateway", "nobody", "there"]
    assert shown[3] == ["->", "start", "it"]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (layout.money(Decimal("1234.5")), "1,234.50"),
        (layout.money(None), "-"),
        (layout.money(Decimal("-0.001"), signed=True), "0.00"),
        (layout.money(Decimal("0.02"), signed=True), "+0.02"),
        (layout.price(Decimal("17.115")), "17.115"),
        (layout.price(Decimal("17")), "17.00"),
        (layout.price(Decimal("0.123456")), "0.1235"),
        (layout.shares(Decimal("1E+2")), "100"),
        (layout.shares(Decimal("0.50")), "0.5"),
        (layout.shares(Decimal(3), signed=True), "+3"),
        (layout.percent(Decimal("0.1234")), "12.3 %"),
        (layout.percent(None), "-"),
    ],
)
def test_figures_look_the_same_everywhere(shown: str, expected: str) -> None:
    assert shown == expected


def said_of(*events: dict[str, object]) -> list[list[str]]:
    """The words of each line that the events lead to."""
    said: list[str] = []
    progress = ProgressLines(said.append)
    for event in events:
        progress(json.dumps(event).encode())
    return [line.split() for line in said]


def order_event(symbol: str, status: str, filled: int = 0, **more: object) -> dict[str, object]:
    order = {"client_order_id": f"key of {symbol}", "symbol": symbol, "quantity": -6}
    more = {"status": status, "filled_quantity": filled, **more}
    return {"stage": "selling", "order": {**order, **more}}


def test_progress_is_one_line_an_event_without_repetition() -> None:
    assert said_of(
        {"stage": "reading"},
        {"stage": "reading"},
        {"message": "waiting: somebody"},
        order_event("AAA", "FILLED", 6, average_price=50.5, message="late"),
    ) == [
        ["reading"],
        ["waiting:", "somebody"],
        ["selling", "sell", "6", "AAA", "filled", "6", "at", "50.5000:", "late"],
    ]


def test_an_order_is_told_again_only_when_something_about_it_is_new() -> None:
    assert said_of(
        order_event("AAA", "WORKING"),
        order_event("BBB", "WORKING"),
        order_event("AAA", "WORKING"),
        order_event("BBB", "WORKING", message="held until the open"),
        order_event("AAA", "WORKING", 2, average_price=50.5),
        order_event("AAA", "WORKING", 2, average_price=50.5),
        order_event("AAA", "FILLED", 6),
        order_event("AAA", "FILLED", 6, average_price=50.25),
        order_event("AAA", "FILLED", 6, average_price=50.25),
    ) == [
        ["selling", "sell", "6", "AAA", "working"],
        ["selling", "sell", "6", "BBB", "working"],
        ["selling", "sell", "6", "BBB", "working:", "held", "until", "the", "open"],
        ["selling", "sell", "6", "AAA", "working", "2", "at", "50.5000"],
        ["selling", "sell", "6", "AAA", "filled", "6", "at", "50.2500"],
    ]
