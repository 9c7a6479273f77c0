"""Every rule of a plan, for accounts of any size, lots of any size and any mix of terms."""

from __future__ import annotations

from decimal import Decimal as D

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import CommissionModel, PlanPolicy, ReasonCode, plan


def decimals(lowest: int, highest: int, places: int) -> st.SearchStrategy[D]:
    return st.integers(lowest, highest).map(lambda n: D(n).scaleb(-places))


POLICIES = st.builds(
    PlanPolicy,
    cash_reserve_percent=st.sampled_from([D(0), D(1), D(20)]),
    minimum_cash_reserve=st.sampled_from([D(0), D(500)]),
    buy_slippage_percent=st.sampled_from([D(0), D("0.5")]),
    commission=st.sampled_from(
        [
            CommissionModel(),
            CommissionModel(per_share=D("0.005"), minimum=D(1), percent_cap=D(1)),
            CommissionModel(minimum=D(7)),
        ]
    ),
    lot=st.sampled_from([D(1), D("0.0001"), D(100)]),
    min_trade_value=st.sampled_from([D(0), D(200)]),
    drift_band_percent=st.sampled_from([D(0), D(1)]),
    ticks=st.sampled_from([{}, {"S0": D("0.05")}]),
    buys_only=st.booleans(),
    sell_blocked=st.sampled_from([frozenset(), frozenset({"S1"})]),
    buy_blocked=st.sampled_from([frozenset(), frozenset({"S0"})]),
    available_cash=st.sampled_from([None, D(1000)]),
)


@st.composite
def accounts(draw: st.DrawFn) -> tuple[AccountSnapshot, list[AllocationItem], list[ContractPrice]]:
    count = draw(st.integers(1, 12))
    parts = [draw(st.integers(0, 50)) for _ in range(count)] + [draw(st.integers(1, 50))]
    symbols = [f"S{index}" for index in range(count)]
    bids = [draw(decimals(100, 90_000, 2)) for _ in symbols]
    quotes = [
        ContractPrice(symbol=s, bid=bid, ask=bid + draw(decimals(1, 90, 2)))
        for s, bid in zip(symbols, bids, strict=True)
    ]
    held = [draw(st.one_of(st.just(D(0)), decimals(0, 9_000_000, 4))) for _ in symbols]
    values = [q * ((p.bid or 0) + (p.ask or 0)) / 2 for q, p in zip(held, quotes, strict=True)]
    cash = (
        draw(decimals(1_000, 90_000_000, 2))
        - draw(st.sampled_from([0, 0, 1])) * sum(values, D(0)) / 9
    )
    allocations = [
        AllocationItem(symbol=s, allocation=D(part) / sum(parts))
        for s, part in zip([*symbols, "CASH"], parts, strict=True)
    ]
    snapshot = AccountSnapshot(
        account_id="DU1",
        total_value=cash + sum(values),
        cash_balance=cash,
        positions=tuple(
            AccountPosition(symbol=s, quantity=q) for s, q in zip(symbols, held, strict=True)
        ),
    )
    return snapshot, allocations, quotes


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(accounts().filter(lambda account: account[0].total_value > 0), POLICIES)
def test_every_plan_keeps_every_rule(
    account: tuple[AccountSnapshot, list[AllocationItem], list[ContractPrice]], policy: PlanPolicy
) -> None:
    snapshot, allocations, quotes = account
    result = plan(snapshot, allocations, quotes, policy)
    wanted = {item.symbol for item in allocations if item.allocation}
    mids = {q.symbol: ((q.bid or D(0)) + (q.ask or D(0))) / 2 for q in quotes}
    for line in result.trades:
        assert line.quantity % policy.lot == 0
        assert line.current_quantity + line.quantity >= 0
        if line.symbol in wanted:
            value = abs(line.quantity) * mids[line.symbol]
            assert value >= policy.min_trade_value
            drift = abs((line.weight_before or D(0)) - line.target_weight) * 100
            assert drift >= policy.drift_band_percent
    for line in result.holds:
        stuck = {ReasonCode.SELL_BLOCKED, ReasonCode.BUYS_ONLY}
        if line.symbol not in wanted and line.reason_code not in stuck:
            assert line.current_quantity < policy.lot
    assert not (policy.buys_only and result.sells)
    assert not policy.sell_blocked & {line.symbol for line in result.sells}
    assert not policy.buy_blocked & {line.symbol for line in result.buys}
    if result.buys:
        assert result.worst_case_cash_after >= result.cash_target
    if result.buys and policy.available_cash is not None:
        assert snapshot.cash_balance - result.worst_case_cash_after <= policy.available_cash
    assert result.bound_bp >= 0
    assert plan(snapshot, allocations, quotes, policy) == result
