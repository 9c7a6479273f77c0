"""Holdings, equity, orders and findings of an account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.account_process.results import CancelReport, Check, Diagnosis, OrdersReport, Verdict
from app.report.doctor import show_diagnosis
from app.report.holdings import show_equity, show_positions
from app.report.orders import show_cancellations, show_orders
from app.settings import Settings
from broker_connector_base import AccountPosition, AccountSnapshot, Fill

from .conftest import ACCOUNT, ORDER, lines


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
        account_id="DU100",
        ended=(ORDER,),
        still_working=(ORDER,),
        foreign=(ORDER,),
        fills=(fill,),
        fills_unknown="no answer",
    )
    show_cancellations(report, settings, ACCOUNT)
    output = capsys.readouterr().out
    for part in (
        "No longer working",
        "Still working",
        "Of others",
        "AAA -6 at 50.50",
        "read: no answer",
    ):
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
