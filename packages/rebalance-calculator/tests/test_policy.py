from __future__ import annotations

from decimal import Decimal as D

import pytest

from rebalance_calculator import CommissionModel, PlanPolicy

FIXED = CommissionModel(per_share=D("0.005"), minimum=D(1), percent_cap=D(1))


@pytest.mark.parametrize(
    ("quantity", "price", "fee"),
    [
        ("0", "100", "0"),
        ("100", "25", "1"),  # 0.50 by shares, at least 1.00
        ("-1000", "25", "5"),
        ("1000", "0.25", "2.5"),  # 5.00 by shares, but 1 % of 250 is 2.50
        ("10", "5", "0.5"),  # 1 % of 50 is below the minimum
    ],
)
def test_commission_has_a_minimum_and_a_cap(quantity: str, price: str, fee: str) -> None:
    # 100 and 1,000 shares at 25 and 1,000 at 0.25 are the examples of IBKR's pricing page.
    assert FIXED.fee(D(quantity), D(price)) == D(fee)


def test_without_terms_trading_is_free() -> None:
    assert CommissionModel().fee(D(100), D(10)) == 0


def test_without_a_cap_the_minimum_always_holds() -> None:
    assert CommissionModel(minimum=D(1)).fee(D(1), D("0.1")) == 1


def test_symbols_of_a_policy_are_normal() -> None:
    policy = PlanPolicy(
        lots={" brk b": D(10)}, ticks={"spy": D("0.01")}, buy_blocked=frozenset({"spy "})
    )
    assert policy.lot_of("BRK.B") == 10
    assert policy.lot_of("SPY") == 1
    assert policy.ticks == {"SPY": D("0.01")}
    assert policy.buy_blocked == {"SPY"}
