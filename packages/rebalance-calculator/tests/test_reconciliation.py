from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D

from broker_connector_base.models import AccountPosition, AccountSnapshot, Fill
from rebalance_calculator import Verdict, reconcile


def account(cash: str, **shares: str) -> AccountSnapshot:
    positions = tuple(AccountPosition(symbol=s, quantity=D(q)) for s, q in shares.items())
    return AccountSnapshot(
        account_id="DU1", total_value=D(1), cash_balance=D(cash), positions=positions
    )


def fill(key: str, symbol: str, quantity: str, price: str, commission: str | None = "1") -> Fill:
    return Fill(
        execution_id=key,
        order_id="1",
        account_id="DU1",
        symbol=symbol,
        quantity=D(quantity),
        price=D(price),
        commission=None if commission is None else D(commission),
        commission_currency="USD",
        at=datetime(2026, 3, 2, 15, 0, tzinfo=UTC),
    )


SOLD, BOUGHT = fill("1", "AAA", "-10", "100"), fill("2", "BBB", "20", "45")
BEFORE = account("50", AAA="10", CCC="3")


def test_an_account_that_its_fills_explain_matches() -> None:
    # 50 + 1,000 - 900 - 2 of commission
    result = reconcile(BEFORE, [SOLD, BOUGHT], account("148", BBB="20", CCC="3"))
    assert result.verdict is Verdict.MATCH
    assert (result.expected_cash, result.cash_difference) == (D(148), D(0))
    assert [(c.symbol, c.expected, c.actual) for c in result.positions] == [
        ("AAA", D(0), D(0)),
        ("BBB", D(20), D(20)),
        ("CCC", D(3), D(3)),
    ]
    assert result.mismatches == ()


def test_a_position_that_no_fill_explains_is_named() -> None:
    result = reconcile(BEFORE, [SOLD, BOUGHT], account("148", BBB="19", CCC="3"))
    assert result.verdict is Verdict.MISMATCH
    (check,) = result.mismatches
    assert (check.symbol, check.expected, check.actual, check.difference) == (
        "BBB",
        D(20),
        D(19),
        D(-1),
    )


def test_cash_may_be_off_by_the_tolerance_only() -> None:
    after = account("149.5", BBB="20", CCC="3")
    assert reconcile(BEFORE, [SOLD, BOUGHT], after).verdict is Verdict.MISMATCH
    result = reconcile(BEFORE, [SOLD, BOUGHT], after, cash_tolerance=D("1.5"))
    assert result.verdict is Verdict.MATCH
    assert result.cash_difference == D("1.5")


def test_cash_in_other_currencies_may_gain_or_lose_worth() -> None:
    def with_euros(cash: str, worth: str) -> AccountSnapshot:
        return account(cash, BBB="20", CCC="3").model_copy(
            update={
                "cash_balance": D(cash) + D(worth),
                "cash_by_currency": {"USD": D(cash), "EUR": D("1000")},
            }
        )

    before = with_euros("50", "1100").model_copy(update={"positions": BEFORE.positions})
    result = reconcile(before, [SOLD, BOUGHT], with_euros("148", "1200"))
    assert result.verdict is Verdict.MATCH
    assert (result.expected_cash, result.actual_cash) == (D(148), D(148))
    # What is missing is not made up for by what the euros gained.
    assert reconcile(before, [SOLD, BOUGHT], with_euros("48", "1200")).cash_difference == -100


def test_a_corrected_fill_replaces_the_first_report() -> None:
    corrected = fill("2", "BBB", "20", "44")
    result = reconcile(BEFORE, [SOLD, BOUGHT, corrected], account("168", BBB="20", CCC="3"))
    assert result.verdict is Verdict.MATCH


def test_fills_of_other_accounts_are_ignored() -> None:
    other = SOLD.model_copy(update={"account_id": "DU2"})
    assert reconcile(BEFORE, [other], BEFORE).verdict is Verdict.MATCH


def test_commissions_that_are_not_known_are_counted() -> None:
    missing = fill("1", "AAA", "-10", "100", commission=None)
    foreign = BOUGHT.model_copy(update={"commission_currency": "EUR"})
    result = reconcile(BEFORE, [missing, foreign], account("150", BBB="20", CCC="3"))
    assert result.unknown_commissions == 2
    assert result.verdict is Verdict.MATCH


def test_options_do_not_count_as_their_stock() -> None:
    option = AccountPosition(symbol="CCC", quantity=D(7), security_type="OPT")
    after = BEFORE.model_copy(update={"positions": (*BEFORE.positions, option)})
    assert reconcile(BEFORE, [], after).verdict is Verdict.MATCH
