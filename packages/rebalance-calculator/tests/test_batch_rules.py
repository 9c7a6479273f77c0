"""Batches of random accounts: every rule, written here a second time in Decimal, and plan()."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal as D

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import (
    BatchPlan,
    BatchVerdict,
    CommissionModel,
    Plan,
    PlanError,
    PlanPolicy,
    plan,
    plan_many,
)

TARGETS, OLD = ("S0", "S1", "S2", "S3", "S4", "S5"), ("X0", "X1")


@dataclass(frozen=True)
class Model:
    allocations: list[AllocationItem]
    quotes: list[ContractPrice]
    snapshots: list[AccountSnapshot]
    policies: list[PlanPolicy]

    @property
    def batch(self) -> BatchPlan:
        return plan_many(self.snapshots, self.allocations, self.quotes, self.policies)

    def single(self, at: int) -> Plan | str:
        """plan() of one account, or its refusal in words."""
        try:
            return plan(self.snapshots[at], self.allocations, self.quotes, self.policies[at])
        except PlanError as error:
            return str(error)


def decimals(lowest: int, highest: int, places: int) -> st.SearchStrategy[D]:
    return st.integers(lowest, highest).map(lambda n: D(n).scaleb(-places))


FEES = [
    CommissionModel(),
    CommissionModel(per_share=D("0.0035"), minimum=D("0.35")),
    CommissionModel(per_share=D("0.005"), minimum=D(1), percent_cap=D(1)),
    CommissionModel(minimum=D(7)),
]
SHARED = st.fixed_dictionaries(
    {
        "buy_slippage_percent": st.sampled_from([D(0), D("0.5")]),
        "commission": st.sampled_from(FEES),
        "lot": st.sampled_from([D(1), D(1), D("0.0001"), D(10)]),
        "min_trade_value": st.sampled_from([D(0), D(0), D(200)]),
        "drift_band_percent": st.sampled_from([D(0), D(0), D(1)]),
        "minimum_improvement_bp": st.sampled_from([D(0), D(0), D(30), D(3000)]),
        "ticks": st.sampled_from([{}, {"S0": D("0.05")}]),
        "buys_only": st.sampled_from([False, False, True]),
        "sell_blocked": st.sampled_from([frozenset(), frozenset({"S1", "X0"})]),
        "buy_blocked": st.sampled_from([frozenset(), frozenset({"S0"})]),
    }
)
OWN = st.fixed_dictionaries(
    {
        "cash_reserve_percent": st.sampled_from([D(0), D(1), D(20)]),
        "minimum_cash_reserve": st.sampled_from([D(0), D(500)]),
        "available_cash": st.sampled_from([None, None, D(1000)]),
    }
)


@st.composite
def models(draw: st.DrawFn) -> Model:
    targets = TARGETS[: draw(st.integers(1, len(TARGETS)))]
    parts = [*(draw(st.integers(1, 50)) for _ in targets), draw(st.sampled_from([0, 0, 9]))]
    allocations = [
        AllocationItem(symbol=s, allocation=D(part) / sum(parts))
        for s, part in zip([*targets, "CASH"], parts, strict=True)
    ]
    prices = {s: (draw(decimals(1000, 60_000, 2)), draw(decimals(1, 90, 2))) for s in TARGETS + OLD}
    quotes = [ContractPrice(symbol=s, bid=b, ask=b + gap) for s, (b, gap) in prices.items()]
    shared = draw(SHARED)
    count = draw(st.integers(1, 5))
    snapshots = [draw(accounts(f"DU{at}", targets, prices)) for at in range(count)]
    policies = [PlanPolicy.model_validate({**shared, **draw(OWN)}) for _ in range(count)]
    return Model(allocations, quotes, snapshots, policies)


@st.composite
def accounts(
    draw: st.DrawFn, name: str, targets: tuple[str, ...], prices: Mapping[str, tuple[D, D]]
) -> AccountSnapshot:
    held = {s: draw(st.one_of(st.just(D(0)), decimals(0, 400, 0))) for s in targets}
    held |= {s: draw(st.sampled_from([D(0), D(0), D("7.3"), D(20)])) for s in OLD}
    if draw(st.booleans()):
        held = {s: q + draw(st.sampled_from([D(0), D("0.4321")])) for s, q in held.items()}
    value = sum((q * (prices[s][0] + prices[s][1] / 2) for s, q in held.items()), D(0))
    cash = draw(decimals(0, 9_000_000, 2)) - draw(st.sampled_from([0, 0, 0, 1])) * value / 9
    bad = draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
    return AccountSnapshot(
        account_id=name,
        total_value=(cash + value) * (1 if bad != 1 else 2),
        cash_balance=cash,
        positions=tuple(
            AccountPosition(symbol=s, quantity=q, currency="USD" if bad != 2 else "EUR")
            for s, q in held.items()
            if q
        ),
    )


def fee(terms: CommissionModel, quantity: D, price: D) -> D:
    charged = max(terms.minimum, terms.per_share * abs(quantity))
    if terms.percent_cap is not None:
        charged = min(charged, abs(quantity) * price * terms.percent_cap / 100)
    return charged


def check_rules(model: Model, at: int, trades: Mapping[str, D]) -> None:
    snapshot, policy = model.snapshots[at], model.policies[at]
    quotes = {q.symbol: (q.bid or D(0), q.ask or D(0)) for q in model.quotes}
    mids = {s: (bid + ask) / 2 for s, (bid, ask) in quotes.items()}
    wanted = {item.symbol: item.allocation for item in model.allocations if item.allocation}
    # What is held in another currency is left alone.
    held = {p.symbol: p.quantity for p in snapshot.positions if p.currency == snapshot.currency}
    total = snapshot.cash_balance + sum(q * mids[s] for s, q in held.items())
    reserve = max(total * policy.cash_reserve_percent / 100, policy.minimum_cash_reserve)
    invested = total - min(reserve, total)
    cash = snapshot.cash_balance
    for symbol, quantity in trades.items():
        bid, ask = quotes[symbol]
        limit = ask * (1 + policy.buy_slippage_percent / 100)
        if policy.ticks.get(symbol):
            down = limit // policy.ticks[symbol] * policy.ticks[symbol]
            limit = down if down >= ask else down + policy.ticks[symbol]
        price = limit if quantity > 0 else bid
        cash -= quantity * price + fee(policy.commission, quantity, price)
        assert quantity % policy.lot == 0  # R1
        assert held.get(symbol, 0) + quantity >= 0  # R2
        assert symbol not in (policy.buy_blocked if quantity > 0 else policy.sell_blocked)
        assert quantity > 0 or not policy.buys_only
        if symbol in wanted:
            off = abs(held.get(symbol, 0) * mids[symbol] - invested * wanted[symbol])
            assert off / total * 100 >= policy.drift_band_percent  # R4
            assert abs(quantity) * mids[symbol] >= policy.min_trade_value  # R5
    for symbol, quantity in held.items():
        if symbol not in wanted and symbol not in policy.sell_blocked and not policy.buys_only:
            assert trades.get(symbol, D(0)) == -(quantity // policy.lot * policy.lot)  # R3
    if any(quantity > 0 for quantity in trades.values()):  # R6
        assert cash >= min(reserve, total) + invested * wanted.get("CASH", D(0))
        spent = snapshot.cash_balance - cash
        assert policy.available_cash is None or spent <= policy.available_cash


EPSILON = 1e-6


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(models())
def test_every_account_of_a_batch_keeps_every_rule_and_its_bound(model: Model) -> None:
    batch = model.batch
    for at, verdict in enumerate(batch.verdicts):
        alone = model.single(at)
        if isinstance(alone, str):
            assert verdict is BatchVerdict.REFUSED
            assert str(batch.errors[at]) == alone
            assert not batch.trades(at)
            continue
        assert verdict is not BatchVerdict.REFUSED
        check_rules(model, at, batch.trades(at))
        if verdict is BatchVerdict.EXACT:
            assert batch.plan(at) == alone
        if not model.policies[at].minimum_improvement_bp:
            best, bound = float(alone.objective_bp), batch.bound_bp[at]
            assert batch.objective_bp[at] - bound <= best + EPSILON
            assert batch.objective_bp[at] >= best - float(alone.bound_bp) - EPSILON


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(models())
def test_the_arrays_say_what_the_plans_say(model: Model) -> None:
    batch = model.batch
    for at, planned in enumerate(batch):
        if not isinstance(planned, Plan):
            continue
        assert {line.symbol: line.quantity for line in planned.trades} == batch.trades(at)
        for name in ("total_value", "cash_target", "cash_before", "worst_case_cash_after"):
            figure = float(getattr(planned, name))
            assert getattr(batch, name)[at] == pytest.approx(figure, abs=EPSILON)
        for name in ("estimated_cost", "objective_bp", "bound_bp"):
            figure = float(getattr(planned, name))
            assert getattr(batch, name)[at] == pytest.approx(figure, abs=EPSILON, rel=1e-9)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(models())
def test_an_exact_batch_is_plan_for_every_account(model: Model) -> None:
    batch = plan_many(model.snapshots, model.allocations, model.quotes, model.policies, exact=True)
    for at, planned in enumerate(batch):
        alone = model.single(at)
        assert (planned if isinstance(planned, Plan) else str(planned)) == alone


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(models(), st.randoms(use_true_random=False))
def test_an_account_is_planned_the_same_in_any_company(model: Model, chance: object) -> None:
    order = list(range(len(model.snapshots)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    whole = model.batch
    shuffled = plan_many(
        [model.snapshots[at] for at in order],
        model.allocations[::-1],
        model.quotes[::-1],
        [model.policies[at] for at in order],
    )
    alone = Model(model.allocations, model.quotes, model.snapshots[:1], model.policies[:1]).batch
    assert alone.trades(0) == whole.trades(0)
    for place, at in enumerate(order):
        assert shuffled.verdicts[place] is whole.verdicts[at]
        assert shuffled.trades(place) == whole.trades(at)
        if at not in whole.errors:
            assert shuffled.objective_bp[place] == whole.objective_bp[at]
            assert shuffled.plan(place) == whole.plan(at)
