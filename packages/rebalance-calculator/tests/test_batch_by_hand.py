"""Small batches whose trades can be worked out on paper."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal as D
from random import Random

import numpy as np
import pytest

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import (
    AllocationError,
    BatchPlan,
    BatchVerdict,
    CommissionModel,
    PlanPolicy,
    QuoteError,
    ReasonCode,
    SnapshotError,
    plan,
    plan_many,
)

PLAIN = PlanPolicy(cash_reserve_percent=0, buy_slippage_percent=0)
QUOTES = [
    ContractPrice(symbol="SPY", bid=100, ask=100),
    ContractPrice(symbol="OLD", bid=10, ask=10),
]
SPY = [AllocationItem(symbol="SPY", allocation=1)]


def account(cash: str, held: Mapping[str, str] | None = None, name: str = "DU1") -> AccountSnapshot:
    """Holds SPY at 100 and OLD at 10."""
    positions = {symbol: D(quantity) for symbol, quantity in (held or {}).items()}
    prices = {"SPY": 100, "OLD": 10}
    worth = sum((q * prices.get(s.strip().upper(), 0) for s, q in positions.items()), D(0))
    return AccountSnapshot(
        account_id=name,
        total_value=D(cash) + worth,
        cash_balance=D(cash),
        positions=tuple(AccountPosition(symbol=s, quantity=q) for s, q in positions.items()),
    )


def with_(policy: PlanPolicy, **changes: object) -> PlanPolicy:
    return PlanPolicy.model_validate({**policy.model_dump(), **changes})


def batch_of(*accounts: AccountSnapshot, policy: PlanPolicy = PLAIN) -> BatchPlan:
    return plan_many(accounts, SPY, QUOTES, policy)


def test_every_account_is_planned_within_its_own_rules() -> None:
    policies = [
        PLAIN,
        with_(PLAIN, cash_reserve_percent=50),
        with_(PLAIN, minimum_cash_reserve=2500),
        with_(PLAIN, available_cash=3050),
        with_(PLAIN, lot=10),
        with_(PLAIN, buy_blocked={"SPY"}),
    ]
    batch = plan_many([account("9950")] * 6, SPY, QUOTES, policies)
    bought = [batch.trades(at).get("SPY", D(0)) for at in range(6)]
    assert bought == [99, 49, 74, 30, 90, 0]
    assert batch.lots[:, batch.symbols.index("SPY")].tolist() == [99, 49, 74, 30, 9, 0]
    assert set(batch.verdicts) == {BatchVerdict.FITTED}


def test_cash_is_spent_to_the_last_cent_but_not_beyond() -> None:
    batch = batch_of(account("10000"), account("9999.9999999999999999"))
    assert [batch.trades(at) for at in (0, 1)] == [{"SPY": D(100)}, {"SPY": D(99)}]


def test_nothing_is_sold_that_only_rounding_makes_a_share() -> None:
    batch = batch_of(account("50", {"OLD": "9.99999999999999999999"}))
    assert batch.trades(0) == {"OLD": D(-9), "SPY": D(1)}


def test_tenths_of_a_share_are_counted_exactly() -> None:
    batch = batch_of(account("50", {"OLD": "0.3"}), policy=with_(PLAIN, lots={"OLD": "0.1"}))
    assert batch.trades(0) == {"OLD": D("-0.3")}


def test_a_symbol_may_be_spelled_in_any_way() -> None:
    assert batch_of(account("50", {" old": "7"})).trades(0) == {"OLD": D(-7), "SPY": D(1)}


def test_one_bad_account_is_refused_and_the_others_are_planned() -> None:
    twice = account("50", {"OLD": "1"})
    twice = twice.model_copy(update={"positions": twice.positions * 2})
    batch = batch_of(
        account("250"),
        account("0"),
        twice,
        account("50", {"ZZZ": "1"}),
        account("50").model_copy(update={"total_value": D(60)}),
        account("-70", {"OLD": "7"}).model_copy(update={"total_value": D(10)}),
        account("350"),
    )
    assert [at for at, verdict in enumerate(batch.verdicts) if verdict == "refused"] == [
        *range(1, 6)
    ]
    assert [batch.trades(0), batch.trades(6)] == [{"SPY": D(2)}, {"SPY": D(3)}]
    assert [type(error) for error in batch.errors.values()] == [
        SnapshotError,
        SnapshotError,
        QuoteError,
        SnapshotError,
        SnapshotError,
    ]
    assert "DU1 reports OLD twice" in str(batch.errors[2])
    assert "ZZZ has no quote" in str(batch.errors[3])
    assert np.isnan(batch.objective_bp).tolist() == [False, *[True] * 5, False]
    with pytest.raises(QuoteError, match="ZZZ has no quote"):
        batch.plan(3)
    assert list(batch)[3] is batch.errors[3]


def test_a_target_without_a_quote_refuses_every_account_and_says_so_to_each() -> None:
    batch = plan_many([account("100"), account("200")], SPY, QUOTES[1:], PLAIN)
    assert {str(error) for error in batch.errors.values()} == {"no usable quote: SPY has no quote"}
    assert len(batch.errors) == len(batch) == 2


def test_a_bad_allocation_list_is_nobodys_plan() -> None:
    with pytest.raises(AllocationError, match="sum to 2"):
        plan_many(
            [account("100")], [*SPY, AllocationItem(symbol="OLD", allocation=1)], QUOTES, PLAIN
        )


def test_policies_must_be_as_many_as_the_accounts() -> None:
    with pytest.raises(ValueError, match="1 policies for 2 accounts"):
        plan_many([account("100")] * 2, SPY, QUOTES, [PLAIN])


def test_no_accounts_have_no_plans() -> None:
    assert list(plan_many([], SPY, QUOTES, PLAIN)) == []


def test_what_is_not_a_long_stock_is_left_to_the_single_planner() -> None:
    short = AccountPosition(symbol="OLD", quantity=D(-20), market_value=D(-200))
    option = AccountPosition(symbol="SPY", quantity=D(1), market_value=D(50), security_type="OPT")
    odd = account("1050").model_copy(update={"positions": (short, option), "total_value": D(900)})
    batch = batch_of(odd)
    assert batch.verdicts == (BatchVerdict.EXACT,)
    assert batch.trades(0) == {"SPY": D(8)}
    assert batch.plan(0) == plan(odd, SPY, QUOTES, PLAIN)


def test_cash_in_another_currency_is_not_spent() -> None:
    mixed = account("1000").model_copy(update={"cash_by_currency": {"USD": D(450), "EUR": D(500)}})
    assert batch_of(mixed).trades(0) == {"SPY": D(4)}


def test_the_brokers_own_values_must_explain_net_liquidation() -> None:
    held = AccountPosition(symbol="OLD", quantity=D(10), market_value=D(140))
    fair = account("50").model_copy(update={"positions": (held,), "total_value": D(190)})
    batch = batch_of(fair, fair.model_copy(update={"total_value": D(150)}))
    assert batch.verdicts == (BatchVerdict.FITTED, BatchVerdict.REFUSED)


def test_an_allocation_of_cash_alone_sells_everything() -> None:
    cash = [AllocationItem(symbol="CASH", allocation=1)]
    assert plan_many([account("5", {"OLD": "3"})], cash, QUOTES, PLAIN).trades(0) == {"OLD": D(-3)}


def test_an_improvement_that_is_too_small_is_not_traded_but_forced_sales_are() -> None:
    # 9,700 of 10,000 and more are in SPY; three more shares gain some 600 basis points
    patient = with_(PLAIN, minimum_improvement_bp=1000)
    batch = batch_of(account("330", {"SPY": "97", "OLD": "2"}), policy=patient)
    assert batch.trades(0) == {"OLD": D(-2)}
    held = {line.symbol: line.reason_code for line in batch.plan(0).holds}
    assert held == {"SPY": ReasonCode.IMPROVEMENT_TOO_SMALL}
    assert batch.plan(0).warnings == ("the best plan improves less than 1000 bp and is not used",)
    eager = with_(PLAIN, minimum_improvement_bp=100)
    assert batch_of(account("330", {"SPY": "97", "OLD": "2"}), policy=eager).trades(0) == {
        "OLD": D(-2),
        "SPY": D(3),
    }


def test_a_debt_is_paid_back_however_little_that_improves() -> None:
    in_debt = account("-30", {"SPY": "97"})
    batch = batch_of(in_debt, policy=with_(PLAIN, minimum_improvement_bp=1000))
    assert batch.trades(0) == {"SPY": D(-1)}


@pytest.mark.parametrize("count", [3, 7, 20])
def test_a_batch_is_within_20_bp_of_the_single_planner(count: int) -> None:
    chance = Random(count)
    symbols = [f"S{number:02d}" for number in range(count)]
    bids = {s: D(chance.randint(1000, 60_000)) / 100 for s in symbols}
    quotes = [ContractPrice(symbol=s, bid=b, ask=b + D("0.05")) for s, b in bids.items()]
    parts = {s: chance.randint(1, 20) for s in symbols}
    wanted = [
        AllocationItem(symbol=s, allocation=D(p) / sum(parts.values())) for s, p in parts.items()
    ]
    accounts = []
    for number in range(300):
        value = 10 ** chance.uniform(4, 6)
        held = {
            s: D(
                round(value * parts[s] / sum(parts.values()) * chance.uniform(0.6, 1.2) / float(b))
            )
            for s, b in bids.items()
        }
        cash = D(round(value * 0.05))
        total = cash + sum((q * (bids[s] + D("0.025")) for s, q in held.items()), D(0))
        positions = tuple(AccountPosition(symbol=s, quantity=q) for s, q in held.items())
        accounts.append(
            AccountSnapshot(
                account_id=f"DU{number}", total_value=total, cash_balance=cash, positions=positions
            )
        )
    policy = PlanPolicy(commission=CommissionModel(per_share=D("0.0035"), minimum=D("0.35")))
    batch = plan_many(accounts, wanted, quotes, policy)
    assert set(batch.verdicts) == {BatchVerdict.FITTED}
    sample = range(0, 300, 8)
    alone = [float(plan(accounts[at], wanted, quotes, policy).objective_bp) for at in sample]
    gaps = batch.objective_bp[list(sample)] - np.array(alone)
    assert np.percentile(gaps, 95) <= 20
