"""Accounts whose cash is not what the fills left."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker_connector_base import AccountPosition, AccountSnapshot, Fill
from rebalance_calculator import CommissionModel
from rebalance_workflow.policy import IBKR_FIXED
from rebalance_workflow.settlement import spendable_cash
from rebalance_workflow.settling import compare

#: Two contracts that the broker gives no price for, worth 1,000 of net liquidation.
OPTION = AccountPosition(symbol="OPT", quantity=2, security_type="OPT", currency="USD")


def snapshot(*, cash: int, shares: int, total: int, option: bool) -> AccountSnapshot:
    stock = AccountPosition(
        symbol="AAA", quantity=shares, market_price=100, market_value=100 * shares, currency="USD"
    )
    return AccountSnapshot(
        account_id="DU1",
        total_value=total,
        cash_balance=cash,
        cash_by_currency={"USD": Decimal(cash)},
        positions=(stock, OPTION) if option else (stock,),
        currency="USD",
    )


BUY = Fill(
    execution_id="E1",
    order_id="1",
    account_id="DU1",
    symbol="AAA",
    quantity=90,
    price=100,
    commission=0,
    at=datetime(2026, 11, 20, tzinfo=UTC),
)


@pytest.mark.parametrize("option", [False, True])
def test_an_old_balance_beside_a_new_net_liquidation_is_not_taken_for_a_debt(option: bool) -> None:
    rest = 1_000 if option else 0
    before = snapshot(cash=10_000, shares=10, total=11_000 + rest, option=option)
    # The 9,000 that were spent are still shown; net liquidation knows better.
    after = snapshot(cash=10_000, shares=100, total=11_000 + rest, option=option)
    cautious = compare(before, [BUY], after, CommissionModel()).cautious
    assert cautious.cash_balance == 1_000
    assert cautious.total_value == 11_000 + rest


@pytest.mark.parametrize("option", [False, True])
def test_money_that_came_meanwhile_is_left_out_of_cash_and_net_liquidation(option: bool) -> None:
    rest = 1_000 if option else 0
    before = snapshot(cash=10_000, shares=10, total=11_000 + rest, option=option)
    after = snapshot(cash=6_000, shares=100, total=16_000 + rest, option=option)
    cautious = compare(before, [BUY], after, CommissionModel()).cautious
    assert cautious.cash_balance == 1_000
    assert cautious.total_value == 11_000 + rest


def with_euros(told: AccountSnapshot, *, worth: int) -> AccountSnapshot:
    return told.model_copy(
        update={
            "cash_balance": told.cash_balance + worth,
            "cash_by_currency": told.cash_by_currency | {"EUR": Decimal(100_000)},
            "total_value": told.total_value + worth,
        }
    )


@pytest.mark.parametrize("worth", [109_000, 111_000])
def test_what_other_currencies_gain_or_lose_is_neither_spent_nor_missed(worth: int) -> None:
    before = with_euros(snapshot(cash=10_000, shares=10, total=11_000, option=False), worth=110_000)
    booked = with_euros(snapshot(cash=1_000, shares=100, total=11_000, option=False), worth=worth)
    settled = compare(before, [BUY], booked, CommissionModel())
    assert settled.cash_matches
    assert settled.cautious.own_cash == 1_000
    assert unexplained(settled.cautious) == 0
    # Net liquidation is as old as the balance.
    old = with_euros(snapshot(cash=10_000, shares=100, total=20_000, option=False), worth=worth)
    settled = compare(before, [BUY], old, CommissionModel())
    assert not settled.cash_matches
    assert settled.cautious.own_cash == 1_000
    assert unexplained(settled.cautious) == 0


def unexplained(told: AccountSnapshot) -> Decimal:
    """What net liquidation has besides cash and the stock; a debt when it is negative."""
    value = told.positions[0].market_value
    assert value is not None
    return told.total_value - told.cash_balance - value


@pytest.mark.parametrize(("own", "total"), [(1_000, 10_000), (10_000, 1_000), (10_000, 10_000)])
@pytest.mark.parametrize("rest", [0, 1_000])
def test_balances_of_different_age_are_not_taken_for_a_debt(
    own: int, total: int, rest: int
) -> None:
    """Each of the two is 10,000 before the fills are booked, and 1,000 afterwards."""
    option = rest > 0
    before = snapshot(cash=10_000, shares=10, total=11_000 + rest, option=option)
    after = snapshot(cash=total, shares=100, total=11_000 + rest, option=option)
    after = after.model_copy(update={"cash_by_currency": {"USD": Decimal(own)}})
    cautious = compare(before, [BUY], after, CommissionModel()).cautious
    assert cautious.own_cash == cautious.cash_balance == 1_000
    assert unexplained(cautious) == rest


@pytest.mark.parametrize("worth", [109_000, 110_000, 111_000])
def test_what_other_currencies_gain_or_lose_settles_no_sale(worth: int) -> None:
    before = with_euros(snapshot(cash=1_000, shares=100, total=11_000, option=False), worth=110_000)
    after = with_euros(snapshot(cash=10_000, shares=10, total=11_000, option=False), worth=worth)
    sale = BUY.model_copy(update={"quantity": Decimal(-90)})
    # The broker calls everything settled at once.
    before, after = (
        told.model_copy(update={"cash_account": True, "settled_cash": told.cash_balance})
        for told in (before, after)
    )
    cautious = compare(before, [sale], after, CommissionModel()).cautious
    assert cautious.own_cash == 10_000
    assert spendable_cash(cautious) == 1_000


@pytest.mark.parametrize("own", [10_000, 1_000])
@pytest.mark.parametrize("in_total", [12_000, 3_000])
def test_what_the_balance_has_above_the_cash_is_not_spent(own: int, in_total: int) -> None:
    """The gain of futures, say: 2,000 that are in no currency's cash."""
    before = snapshot(cash=12_000, shares=10, total=13_000, option=False)
    before = before.model_copy(update={"cash_by_currency": {"USD": Decimal(10_000)}})
    after = snapshot(cash=in_total, shares=100, total=10_000 + in_total, option=False)
    after = after.model_copy(update={"cash_by_currency": {"USD": Decimal(own)}})
    settled = compare(before, [BUY], after, CommissionModel())
    assert settled.cash_matches == (in_total == 3_000)
    assert settled.cautious.own_cash == 1_000
    assert settled.cautious.cash_balance == 3_000


@pytest.mark.parametrize("missing_before", [True, False])
def test_a_currency_that_is_listed_only_once_is_not_spent(missing_before: bool) -> None:
    before = with_euros(snapshot(cash=10_000, shares=10, total=11_000, option=False), worth=110_000)
    booked = with_euros(snapshot(cash=1_000, shares=100, total=11_000, option=False), worth=110_000)
    old = with_euros(snapshot(cash=10_000, shares=100, total=20_000, option=False), worth=110_000)
    if missing_before:
        before = without_euros(before)
    else:
        booked, old = without_euros(booked), without_euros(old)
    settled = compare(before, [BUY], booked, CommissionModel())
    assert settled.cash_matches
    assert settled.cautious == booked
    settled = compare(before, [BUY], old, CommissionModel())
    assert not settled.cash_matches
    assert settled.cash_left == settled.cautious.own_cash == 1_000
    assert settled.cautious.cash_balance == 111_000


def without_euros(told: AccountSnapshot) -> AccountSnapshot:
    """Their line is missing; the balance has their worth all the same."""
    own = {"USD": told.cash_by_currency["USD"]}
    return told.model_copy(update={"cash_by_currency": own})


AMOUNT = st.integers(min_value=-20_000, max_value=20_000).map(Decimal)


@st.composite
def tellings(draw: st.DrawFn, *, shares: int) -> AccountSnapshot:
    """What a broker may say of the cash: any balance, beside any lines or none."""
    told = snapshot(cash=draw(st.integers(-20_000, 20_000)), shares=shares, total=0, option=False)
    lines = {"USD": AMOUNT, "EUR": AMOUNT, "CHF": st.just(Decimal(0))}
    listed = draw(st.fixed_dictionaries({}, optional=lines))
    return told.model_copy(update={"cash_by_currency": listed})


@given(before=tellings(shares=10), after=tellings(shares=100), price=st.integers(1, 200))
def test_never_more_cash_is_shown_than_there_was_and_the_fills_brought(
    before: AccountSnapshot, after: AccountSnapshot, price: int
) -> None:
    buy = BUY.model_copy(update={"price": Decimal(price), "commission": Decimal(2)})
    brought = -90 * Decimal(price) - 2
    cautious = compare(before, [buy], after, CommissionModel()).cautious
    assert cautious.own_cash <= min(before.own_cash + brought, after.own_cash)
    assert cautious.cash_balance <= min(before.cash_balance + brought, after.cash_balance)


def test_an_old_balance_does_not_hide_what_the_broker_has_yet_to_charge() -> None:
    before = snapshot(cash=10_000, shares=10, total=11_000, option=False)
    after = snapshot(cash=10_000, shares=100, total=11_000, option=False)
    untold = BUY.model_copy(update={"commission": None})
    cautious = compare(before, [untold], after, IBKR_FIXED).cautious
    # 10,000 - 90 x 100 - the minimum of 1.
    assert cautious.cash_balance == 999
    assert cautious.cash_by_currency == {"USD": 999}


def test_the_parts_of_an_order_are_not_charged_the_minimum_each() -> None:
    """Else a right balance would look like a lack of cash, and shares were sold to mend it."""
    before = snapshot(cash=10_000, shares=10, total=11_000, option=False)
    after = snapshot(cash=999, shares=100, total=10_999, option=False)
    parts = [
        BUY.model_copy(update={"execution_id": f"E{n}", "quantity": Decimal(1), "commission": None})
        for n in range(90)
    ]
    settled = compare(before, parts, after, IBKR_FIXED)
    assert settled.cash_matches
    assert settled.cautious == after
