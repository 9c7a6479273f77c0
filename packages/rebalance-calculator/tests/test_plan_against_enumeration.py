"""Plans of tiny accounts against every plan there is.

The rules and the objective are written here a second time, from their definition and in the
plainest form; nothing of the package but plan() and its values is used.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal as D

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import CommissionModel, Plan, PlanPolicy, ReasonCode, plan

#: The search may stop this close to the best, in basis points; a sale of an underweight must gain
#: more than that last number.
TOLERANCE, UNDERWEIGHT_GAIN = D("0.0021"), D(2)


@dataclass(frozen=True)
class Case:
    cash: D
    #: Symbol: shares held, bid, ask, weight (None when not in the allocation).
    stocks: Mapping[str, tuple[D, D, D, D | None]]
    policy: PlanPolicy

    @property
    def total(self) -> D:
        return self.cash + sum(held * (bid + ask) / 2 for held, bid, ask, _ in self.stocks.values())

    @property
    def cash_target(self) -> D:
        return self.total * self.policy.cash_reserve_percent / 100

    def target(self, symbol: str) -> D:
        return (self.total - self.cash_target) * (self.stocks[symbol][3] or 0)

    def plan(self) -> Plan:
        account = AccountSnapshot(
            account_id="DU1",
            total_value=self.total,
            cash_balance=self.cash,
            positions=tuple(
                AccountPosition(symbol=s, quantity=held)
                for s, (held, *_) in self.stocks.items()
                if held
            ),
        )
        wanted = [
            AllocationItem(symbol=s, allocation=weight)
            for s, (*_, weight) in self.stocks.items()
            if weight is not None
        ]
        quotes = [
            ContractPrice(symbol=s, bid=bid, ask=ask) for s, (_, bid, ask, _) in self.stocks.items()
        ]
        return plan(account, wanted, quotes, self.policy)


def fee(terms: CommissionModel, quantity: int, price: D) -> D:
    if quantity == 0:
        return D(0)
    charged = max(terms.minimum, terms.per_share * abs(quantity))
    if terms.percent_cap is not None:
        charged = min(charged, abs(quantity) * price * terms.percent_cap / 100)
    return charged


def legal_quantities(case: Case, symbol: str) -> list[int]:
    held, bid, ask, weight = case.stocks[symbol]
    if weight is None:
        return [-int(held)]  # R3
    mid, target = (bid + ask) / 2, case.target(symbol)
    drift = abs(held * mid - target) / case.total * 100
    if case.policy.drift_band_percent and drift < case.policy.drift_band_percent + D("1e-8"):
        return [0]  # R4
    least_value = case.policy.min_trade_value
    most = int((target - held * mid) / mid) + 2 + int(least_value / mid)
    return [
        quantity  # R1 and R2 by the range
        for quantity in range(-int(held), max(most, 0) + 1)
        if quantity == 0 or abs(quantity) * mid >= least_value  # R5
    ]


def outcomes(case: Case) -> Iterator[tuple[D, dict[str, int]]]:
    """Every legal plan with its objective in basis points."""
    options: list[list[tuple[str, int, D, D, D]]] = []
    for symbol, (held, bid, ask, _) in case.stocks.items():
        mid, rows = (bid + ask) / 2, []
        for quantity in legal_quantities(case, symbol):
            limit = ask * (1 + case.policy.buy_slippage_percent / 100)
            price = limit if quantity > 0 else bid
            used = quantity * price + fee(case.policy.commission, quantity, price)
            off = abs((held + quantity) * mid - case.target(symbol))
            rows.append((symbol, quantity, used, off, used - quantity * mid))
        options.append(rows)
    for chosen in itertools.product(*options):
        after = case.cash - sum(row[2] for row in chosen)
        if after < case.cash_target and any(row[1] > 0 for row in chosen):
            continue  # R6
        off = sum((row[3] + row[4] for row in chosen), abs(after - case.cash_target))
        yield off / case.total * 10_000, {row[0]: row[1] for row in chosen if row[1]}


def cents(lowest: int, highest: int) -> st.SearchStrategy[D]:
    return st.integers(lowest, highest).map(lambda n: D(n) / 100)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 3))
    parts = [draw(st.integers(1, 9)) for _ in range(count)]
    stocks: dict[str, tuple[D, D, D, D | None]] = {}
    weights: list[D | None] = [D(part) / sum(parts) for part in parts]
    for index, weight in enumerate([*weights, *[None] * draw(st.integers(0, 1))]):
        bid = draw(cents(3000, 20_000))
        held = D(draw(st.integers(0, 9))) + draw(st.sampled_from([D(0), D(0), D("0.37")]))
        stocks[f"S{index}"] = (held, bid, bid + draw(cents(0, 150)), weight)
    policy = PlanPolicy(
        cash_reserve_percent=draw(st.sampled_from([D(0), D(1), D(5)])),
        buy_slippage_percent=draw(st.sampled_from([D(0), D("0.5")])),
        commission=CommissionModel(
            per_share=draw(st.sampled_from([D(0), D("0.005"), D("0.5")])),
            minimum=draw(st.sampled_from([D(0), D(1), D(5)])),
            percent_cap=draw(st.sampled_from([None, D(1)])),
        ),
        min_trade_value=draw(st.sampled_from([D(0), D(0), D(150)])),
        drift_band_percent=draw(st.sampled_from([D(0), D(0), D(2)])),
    )
    case = Case(draw(cents(-20_000, 150_000)), stocks, policy)
    assume(case.total > 50)
    assume(math.prod(len(legal_quantities(case, symbol)) for symbol in stocks) < 4000)
    return case


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_no_legal_plan_is_better(case: Case) -> None:
    planned = case.plan()
    chosen = {line.symbol: int(line.quantity) for line in planned.trades}
    plans = list(outcomes(case))
    by_trades = {tuple(sorted(trades.items())): value for value, trades in plans}
    mine = by_trades[tuple(sorted(chosen.items()))]  # KeyError: the plan is not legal
    assert abs(planned.objective_bp - mine) < D("1e-9")
    reachable = any(planned.cash_target <= case.cash - spent(case, trades) for _, trades in plans)
    if reachable:
        plans = [p for p in plans if case.cash - spent(case, p[1]) >= planned.cash_target]
    best = min(value for value, _ in plans)
    assert mine - planned.bound_bp <= best + D("1e-6")
    assert mine <= best + TOLERANCE + UNDERWEIGHT_GAIN
    kept = [value for value, trades in plans if not sells_underweight(case, trades)]
    assert mine <= best + TOLERANCE or mine <= min(kept) + TOLERANCE


def spent(case: Case, trades: Mapping[str, int]) -> D:
    total = D(0)
    for symbol, quantity in trades.items():
        _, bid, ask, _ = case.stocks[symbol]
        limit = ask * (1 + case.policy.buy_slippage_percent / 100)
        price = limit if quantity > 0 else bid
        total += quantity * price + fee(case.policy.commission, quantity, price)
    return total


def sells_underweight(case: Case, trades: Mapping[str, int]) -> bool:
    return any(
        quantity < 0
        and case.stocks[s][3] is not None
        and case.stocks[s][0] * (case.stocks[s][1] + case.stocks[s][2]) / 2 < case.target(s)
        for s, quantity in trades.items()
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_the_figures_of_a_plan_add_up(case: Case) -> None:
    planned = case.plan()
    after = sum((line.weight_after or 0 for line in (*planned.trades, *planned.holds)), D(0))
    lost = planned.estimated_cost / planned.total_value
    assert abs(after + planned.cash_weight_after + lost - 1) < D("1e-20")
    before = sum((line.weight_before or 0 for line in (*planned.trades, *planned.holds)), D(0))
    assert abs(before + planned.cash_weight_before - 1) < D("1e-20")
    assert planned.expected_cash_after >= planned.worst_case_cash_after
    assert planned.estimated_cost >= 0
    assert all(line.estimated_fee >= 0 for line in planned.trades)
    trading = {ReasonCode.UNDERWEIGHT, ReasonCode.OVERWEIGHT, ReasonCode.RAISE_CASH}
    trading |= {ReasonCode.NOT_IN_ALLOCATION}
    assert all(line.reason_code in trading for line in planned.trades)
    assert all(line.reason_code not in trading for line in planned.holds)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(case: Case, shuffle: object) -> None:
    stocks = list(case.stocks.items())
    shuffle.shuffle(stocks)  # type: ignore[attr-defined]
    assert Case(case.cash, dict(stocks), case.policy).plan() == case.plan()
