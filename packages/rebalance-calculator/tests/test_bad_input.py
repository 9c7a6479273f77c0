"""Input that must be refused, and what the refusal says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

import pytest
from pydantic import ValidationError

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
    QuoteQuality,
)
from rebalance_calculator import (
    AllocationError,
    Plan,
    PlanError,
    PlanPolicy,
    QuoteError,
    SnapshotError,
    plan,
    validate_allocations,
    validate_quotes,
)

PlanFor = Callable[..., Plan]
Allocations = Callable[..., list[AllocationItem]]
POLICY = PlanPolicy()
GOOD = ContractPrice(symbol="AAA", bid=D("9.99"), ask=D("10.01"), close=D("10"))


def lines(*pairs: tuple[str, str]) -> list[AllocationItem]:
    return [AllocationItem(symbol=symbol, allocation=D(weight)) for symbol, weight in pairs]


def test_every_refusal_is_a_plan_error_and_a_value_error() -> None:
    for error in (AllocationError, QuoteError, SnapshotError):
        assert issubclass(error, PlanError)
    assert issubclass(PlanError, ValueError)


def test_an_empty_list_is_refused_because_it_would_sell_everything() -> None:
    with pytest.raises(AllocationError, match="empty; it would sell everything"):
        validate_allocations([])


@pytest.mark.parametrize(
    ("allocations", "index", "says"),
    [
        (lines(("AAA", "0.5"), ("BBB", "-0.5"), ("CCC", "1")), 1, r"line 2 \(BBB: -0.5\) is neg"),
        (lines(("AAA", "0.5"), (" aaa ", "0.5")), 1, "repeats AAA, which already has 0.5"),
        (lines(("BRK B", "0.5"), ("BRK.B", "0.5")), 1, "repeats BRK.B, which already has 0.5"),
        (lines(("AAA", "0.5"), ("  ", "0.5")), 1, "has no symbol"),
    ],
)
def test_a_bad_line_is_named(allocations: list[AllocationItem], index: int, says: str) -> None:
    with pytest.raises(AllocationError, match=says) as refused:
        validate_allocations(allocations)
    assert refused.value.index == index


@pytest.mark.parametrize("weight", ["NaN", "Infinity"])
def test_a_weight_that_is_not_a_number_is_refused(weight: str) -> None:
    line = AllocationItem.model_construct(symbol="AAA", allocation=D(weight))
    with pytest.raises(AllocationError, match=r"line 1 \(AAA: .*\) is not a number"):
        validate_allocations([line])


@pytest.mark.parametrize(
    ("allocations", "says"),
    [
        (lines(("AAA", "1"), ("BBB", "1")), "the 2 allocation lines sum to 2, not to 1"),
        (lines(("AAA", "0.5")), "sum to 0.5, not to 1"),
        (lines(("AAA", "0")), "sum to 0, not to 1"),
        (lines(("AAA", "0.4989"), ("BBB", "0.5")), "sum to 0.9989, not to 1"),
        (lines(("AAA", "60"), ("BBB", "40")), "sum to 100, not to 1; these look like percent"),
    ],
)
def test_a_wrong_sum_is_refused(allocations: list[AllocationItem], says: str) -> None:
    with pytest.raises(AllocationError, match=says) as refused:
        validate_allocations(allocations)
    assert refused.value.index is None


def test_rounded_weights_are_scaled_to_one() -> None:
    targets = validate_allocations(lines(("AAA", "0.333"), ("bbb", "0.333"), ("Cash", "0.333")))
    assert dict(targets.weights) == {"AAA": D(1) / 3, "BBB": D(1) / 3}
    assert targets.cash == D(1) / 3


@pytest.mark.parametrize(
    ("quotes", "says"),
    [
        ([], "AAA has no quote"),
        ([ContractPrice(symbol="AAA", last=D(10))], "AAA has no quote"),
        ([ContractPrice(symbol="AAA", bid=D(10))], r"AAA is one-sided \(bid 10, ask None\)"),
        (
            [ContractPrice(symbol="AAA", bid=D(10), ask=D(9))],
            r"AAA is crossed \(bid 10, ask 9\)",
        ),
        ([GOOD.model_copy(update={"halted": True})], "AAA is halted"),
        ([GOOD, GOOD.model_copy(update={"ask": D(11)})], "AAA has two different quotes"),
    ],
)
def test_an_unusable_quote_is_refused(quotes: list[ContractPrice], says: str) -> None:
    with pytest.raises(QuoteError, match=says) as refused:
        validate_quotes(quotes, ["AAA"], POLICY)
    assert refused.value.symbols == ("AAA",)


@pytest.mark.parametrize("price", ["NaN", "-1", "0"])
def test_a_price_that_is_none_does_not_become_a_quote(price: str) -> None:
    with pytest.raises(ValidationError):
        ContractPrice(symbol="AAA", bid=D(price), ask=D(10))


def test_all_unusable_quotes_are_named_at_once() -> None:
    with pytest.raises(QuoteError, match="AAA has no quote; CCC has no quote") as refused:
        validate_quotes([GOOD.model_copy(update={"symbol": "BBB"})], ["CCC", "AAA"], POLICY)
    assert refused.value.symbols == ("AAA", "CCC")


def test_quotes_that_nobody_needs_may_be_bad() -> None:
    bad = ContractPrice(symbol="ZZZ", bid=D(2), ask=D(1))
    assert list(validate_quotes({"a": GOOD, "z": bad}, ["AAA"], POLICY)) == ["AAA"]


@pytest.mark.parametrize(
    ("quote", "policy", "says"),
    [
        (GOOD, {"max_spread_percent": "0.1"}, "a spread of 0.20 %, over 0.1 %"),
        (
            GOOD.model_copy(update={"close": D("12.5")}),
            {"max_close_deviation_percent": 10},
            "is 20.00 % from its close of 12.5, over 10 %",
        ),
        (
            GOOD.model_copy(update={"quality": QuoteQuality.DELAYED}),
            {"live_quotes_only": True},
            "is quoted delayed, not live",
        ),
    ],
)
def test_doubtful_quotes_are_refused_when_the_policy_says_so(
    quote: ContractPrice, policy: dict[str, object], says: str
) -> None:
    assert validate_quotes([quote], ["AAA"], POLICY)
    with pytest.raises(QuoteError, match=says):
        validate_quotes([quote], ["AAA"], PlanPolicy.model_validate(policy))


def test_quotes_within_the_limits_of_the_policy_pass() -> None:
    strict = PlanPolicy(
        max_spread_percent=D("0.2"), max_close_deviation_percent=D("0.01"), live_quotes_only=True
    )
    assert validate_quotes([GOOD], ["AAA"], strict)["AAA"].mid == 10
    without_close = GOOD.model_copy(update={"close": None})
    assert validate_quotes([without_close], ["AAA"], strict)


@pytest.mark.parametrize("value", ["0", "-5"])
def test_net_liquidation_must_be_positive(value: str, allocations: Allocations) -> None:
    account = AccountSnapshot(account_id="DU1", total_value=D(value), cash_balance=D(100))
    with pytest.raises(SnapshotError, match=f"DU1 reports a net liquidation of {value}"):
        plan(account, allocations({"AAA": "1"}), [GOOD], POLICY)


def test_positions_and_cash_must_explain_net_liquidation(allocations: Allocations) -> None:
    held = AccountPosition(symbol="AAA", quantity=D(100), market_value=D(1000))
    account = AccountSnapshot(
        account_id="DU1", total_value=D(2011), cash_balance=D(1000), positions=(held,)
    )
    says = "net liquidation of 2,011 but its positions and cash add up to 2,000"
    with pytest.raises(SnapshotError, match=says):
        plan(account, allocations({"AAA": "1"}), [GOOD], POLICY)
    close_enough = account.model_copy(update={"total_value": D(2010)})
    assert plan(close_enough, allocations({"AAA": "1"}), [GOOD], POLICY).buys


def test_a_symbol_reported_twice_is_refused(allocations: Allocations) -> None:
    held = AccountPosition(symbol="AAA", quantity=D(1))
    account = AccountSnapshot(
        account_id="DU1", total_value=D(20), cash_balance=D(0), positions=(held, held)
    )
    with pytest.raises(SnapshotError, match="reports AAA twice"):
        plan(account, allocations({"AAA": "1"}), [GOOD], POLICY)


def test_a_target_held_in_another_currency_is_refused(allocations: Allocations) -> None:
    held = AccountPosition(symbol="AAA", quantity=D(1), currency="EUR")
    account = AccountSnapshot(
        account_id="DU1", total_value=D(1000), cash_balance=D(990), positions=(held,)
    )
    with pytest.raises(SnapshotError, match="AAA is in the allocation but is held in EUR"):
        plan(account, allocations({"AAA": "1"}), [GOOD], POLICY)


def test_an_account_that_owes_more_than_it_has_is_refused(allocations: Allocations) -> None:
    short = AccountPosition(symbol="SSS", quantity=D(-1), market_value=D(-1500))
    option = AccountPosition(symbol="AAA", quantity=D(1), market_value=D(1000), security_type="OPT")
    account = AccountSnapshot(
        account_id="DU1", total_value=D(500), cash_balance=D(1000), positions=(short, option)
    )
    with pytest.raises(SnapshotError, match="worth -500: nothing to allocate"):
        plan(account, allocations({"AAA": "1"}), [GOOD], POLICY)


@pytest.mark.parametrize(
    "policy",
    [
        {"cash_reserve_percent": 101},
        {"cash_reserve_percent": -1},
        {"cash_reserve_percent": "NaN"},
        {"lot": 0},
        {"ticks": {"AAA": -1}},
        {"commission": {"minimum": -1}},
        {"buy_blocked": "SPY"},
        {"no_such_knob": 1},
    ],
)
def test_a_policy_out_of_range_is_refused(policy: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PlanPolicy.model_validate(policy)
