"""Batches that come as arrays."""

from __future__ import annotations

from decimal import Decimal as D

import numpy as np
import pytest

from broker_connector_base.models import AllocationItem, ContractPrice
from rebalance_calculator import BatchInput, BatchVerdict, PlanPolicy, plan, plan_many

POLICY = PlanPolicy(cash_reserve_percent=1, lots={"OLD": D("0.1")})
WANTED = [AllocationItem(symbol="SPY", allocation=1)]
QUOTES = [
    ContractPrice(symbol="SPY", bid=99, ask=101),
    ContractPrice(symbol="OLD", bid=10, ask=10),
]


def arrays(shares: list[list[float]], cash: list[float]) -> BatchInput:
    """Columns are OLD at 10 and SPY at 100."""
    held, money = np.array(shares), np.array(cash)
    return BatchInput(
        account_ids=tuple(f"DU{number}" for number in range(len(cash))),
        symbols=("old", "SPY"),
        shares=held,
        cash=money,
        net_liquidation=money + held @ np.array([10.0, 100.0]),
    )


def test_arrays_are_planned_as_the_snapshots_they_stand_for() -> None:
    batch_input = arrays([[0.0, 3.0], [0.3, 0.0], [12.25, 40.0]], [5000.0, 1234.56, -100.0])
    snapshots = [batch_input.snapshot(at) for at in range(3)]
    batch = plan_many(batch_input, WANTED, QUOTES, POLICY)
    same = plan_many(snapshots, WANTED, QUOTES, POLICY)
    assert batch.account_ids == same.account_ids == ("DU0", "DU1", "DU2")
    assert [batch.trades(at) for at in range(3)] == [same.trades(at) for at in range(3)]
    assert list(batch) == list(same)
    assert batch.trades(1)["OLD"] == D("-0.3")
    assert batch.trades(2)["OLD"] == D("-12.2")


def test_a_float_is_the_decimal_it_is_written_as() -> None:
    snapshot = arrays([[0.1, 0.0]], [0.3]).snapshot(0)
    assert snapshot.cash_balance == D("0.3")
    assert [position.quantity for position in snapshot.positions] == [D("0.1")]


def test_what_an_array_cannot_say_is_left_to_the_single_planner() -> None:
    odd = arrays([[-5.0, 1.0], [0.0, 1.0]], [1000.0, 1000.0])
    batch = plan_many(odd, WANTED, QUOTES, POLICY)
    assert batch.verdicts == (BatchVerdict.EXACT, BatchVerdict.FITTED)
    assert batch.plan(0) == plan(odd.snapshot(0), WANTED, QUOTES, POLICY)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_account_with_a_number_that_is_none_is_refused(number: float) -> None:
    in_shares = arrays([[0.0, number], [0.0, 1.0]], [1000.0, 1000.0])
    in_cash = arrays([[0.0, 2.0], [0.0, 1.0]], [number, 1000.0])
    for bad in (in_shares, in_cash):
        batch = plan_many(bad, WANTED, QUOTES, POLICY)
        assert batch.verdicts == (BatchVerdict.REFUSED, BatchVerdict.FITTED)
        assert str(batch.errors[0]) == "account DU0 has numbers that are not finite"


def test_more_lots_than_a_float_can_count_are_left_to_the_single_planner() -> None:
    fine = PlanPolicy(lot=D("1e-15"))
    batch = plan_many(arrays([[0.0, 30.0]], [1000.0]), WANTED, QUOTES, fine)
    assert batch.verdicts == (BatchVerdict.EXACT,)


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    shares, money = np.zeros((2, 1)), np.ones(2)
    with pytest.raises(ValueError, match="2 accounts and 2 symbols, but arrays of"):
        BatchInput(
            account_ids=("A", "B"),
            symbols=("X", "Y"),
            shares=shares,
            cash=money,
            net_liquidation=money,
        )
    with pytest.raises(ValueError, match="a symbol has two columns"):
        BatchInput(
            account_ids=("A", "B"),
            symbols=("X", " x"),
            shares=np.zeros((2, 2)),
            cash=money,
            net_liquidation=money,
        )
