"""Positions that no plan touches, and the money that goes with them."""

from __future__ import annotations

from decimal import Decimal as D

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import Plan, PlanPolicy, ReasonCode, plan

POLICY = PlanPolicy(cash_reserve_percent=D(0), buy_slippage_percent=D(0))
QUOTES = [
    ContractPrice(symbol="SPY", bid=D(100), ask=D(100)),
    ContractPrice(symbol="SSS", bid=D(50), ask=D(50)),
]


def plan_of(
    total: int,
    cash: int,
    *positions: AccountPosition,
    wanted: str = "SPY",
    by_currency: dict[str, D] | None = None,
) -> Plan:
    account = AccountSnapshot(
        account_id="DU1",
        total_value=D(total),
        cash_balance=D(cash),
        positions=positions,
        cash_by_currency=by_currency or {},
    )
    return plan(account, [AllocationItem(symbol=wanted, allocation=D(1))], QUOTES, POLICY)


def test_an_option_is_not_the_stock_of_its_symbol() -> None:
    option = AccountPosition(symbol="SPY", quantity=D(2), market_value=D(500), security_type="OPT")
    result = plan_of(10_500, 10_000, option)
    assert [line.quantity for line in result.buys] == [100]
    assert result.total_value == 10_000
    (line,) = result.holds
    assert (line.reason_code, line.current_value) == (ReasonCode.NOT_A_STOCK, D(500))
    assert line.reason == "OPT position of 2 is left alone"
    assert result.warnings == ("SPY: OPT position of 2 is left alone",)


def test_the_exposure_of_a_future_is_not_counted_as_its_value() -> None:
    future = AccountPosition(
        symbol="ES", quantity=D(1), market_value=D(250_000), security_type="FUT"
    )
    result = plan_of(10_000, 10_000, future)
    assert [line.quantity for line in result.buys] == [100]
    assert result.holds[0].current_value is None


def test_the_proceeds_of_a_short_are_not_spent() -> None:
    short = AccountPosition(symbol="SSS", quantity=D(-20), market_value=D(-1000))
    result = plan_of(10_000, 11_000, short)
    assert [line.quantity for line in result.buys] == [100]
    assert result.cash_before == 10_000
    (line,) = result.holds
    assert line.reason_code is ReasonCode.SHORT
    assert line.reason == "short 20 shares, left alone; cash is set aside to cover them"
    assert any(
        warning.startswith("1,000.00 of the cash is left alone") for warning in result.warnings
    )


def test_a_short_in_a_target_is_neither_covered_nor_added_to() -> None:
    short = AccountPosition(symbol="SSS", quantity=D(-20), market_value=D(-1000))
    result = plan_of(10_000, 11_000, short, wanted="SSS")
    assert result.is_empty
    (line,) = result.holds
    assert (line.current_quantity, line.target_value) == (D(-20), D(10_000))


def test_shares_in_another_currency_are_left_alone() -> None:
    foreign = AccountPosition(symbol="SAP", quantity=D(10), market_value=D(1000), currency="EUR")
    result = plan_of(11_100, 10_000, foreign)
    assert [line.quantity for line in result.buys] == [100]
    (line,) = result.holds
    assert (line.reason_code, line.current_value) == (ReasonCode.FOREIGN_CURRENCY, None)


def test_a_debt_that_cannot_be_valued_is_taken_from_the_cash() -> None:
    # 10,000 of net liquidation with 12,000 in cash: whatever is owed in EUR, it is 2,000
    foreign = AccountPosition(symbol="SAP", quantity=D(-10), currency="EUR")
    result = plan_of(10_000, 12_000, foreign)
    assert [line.quantity for line in result.buys] == [100]


def test_cash_in_another_currency_is_not_spent() -> None:
    result = plan_of(10_000, 10_000, by_currency={"USD": D(4000), "EUR": D(5500)})
    assert [line.quantity for line in result.buys] == [40]
    assert result.total_value == 4000


def test_money_borrowed_in_another_currency_is_owed() -> None:
    result = plan_of(10_000, 10_000, by_currency={"USD": D(12_000), "EUR": D(-1800)})
    assert [line.quantity for line in result.buys] == [100]


def test_a_closed_position_is_nothing() -> None:
    closed = AccountPosition(symbol="ZZZ", quantity=D(0))
    assert plan_of(10_000, 10_000, closed).holds == ()
