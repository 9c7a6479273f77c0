"""How fast batches are planned, and how close to one account at a time: python batch.py.

The accounts come from the allocation bench's `make_batch` and its `evaluate` judges the rules; its
folder is `$ALLOCATION_BENCH`, or `shared/bench/allocation` beside the checkout.  Out: one JSON
document.  Speeds are accounts in a second of processor time, so that a busy machine counts little.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import BatchInput, BatchPlan, CommissionModel, PlanPolicy, plan, plan_many

_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "bench" / "allocation"
_ROUNDS = 5
#: Accounts that are planned exactly, which takes a hundred times as long.
_EXACT = 50

Case = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=5000)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--singles", type=int, default=500, help="accounts planned alone as well")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    sys.path.insert(0, os.environ.get("ALLOCATION_BENCH", str(_BESIDE)))
    cases = importlib.import_module("generator").make_batch(
        chosen.accounts, chosen.symbols, chosen.seed
    )
    print(json.dumps(measure(cases, chosen.singles), indent=2))


def measure(cases: list[Case], singles: int) -> dict[str, Any]:
    """Speeds over all cases, gaps to plan() over the first `singles`, rules broken by any, and
    whether `exact` gives what plan() gives.
    """
    snapshots = [_snapshot(case) for case in cases]
    arrays = _arrays(cases)
    allocations = [AllocationItem(symbol=s, allocation=w) for s, w in cases[0]["targets"].items()]
    quotes = [
        ContractPrice(symbol=s, bid=price["bid"], ask=price["ask"])
        for s, price in cases[0]["prices"].items()
    ]
    policy = _policy(cases[0])
    own = [
        policy.model_copy(update={"available_cash": snapshot.cash_balance})
        for snapshot in snapshots
    ]
    batch = plan_many(snapshots, allocations, quotes, policy)
    alone = [plan(snapshot, allocations, quotes, policy) for snapshot in snapshots[:singles]]
    gaps = [float(batch.objective_bp[at] - float(p.objective_bp)) for at, p in enumerate(alone)]
    few = snapshots[:_EXACT]
    return {
        "accounts": len(cases),
        "symbols": len(batch.symbols),
        "accounts_per_second": {
            "from_snapshots": _speed(
                lambda: plan_many(snapshots, allocations, quotes, policy), len(cases)
            ),
            "from_snapshots_each_with_a_policy": _speed(
                lambda: plan_many(snapshots, allocations, quotes, own), len(cases)
            ),
            "from_arrays": _speed(
                lambda: plan_many(arrays, allocations, quotes, policy), len(cases)
            ),
            "whole_plans_built": _speed(
                lambda: [batch.plan(at) for at in range(len(gaps))], len(gaps)
            ),
        },
        "gap_to_single_planner_bp": {"accounts": len(gaps), **_spread(gaps)},
        "exact": {
            "accounts_per_second": _speed(
                lambda: plan_many(few, allocations, quotes, policy, exact=True), len(few)
            ),
            "differ_from_single_planner": sum(
                one != other
                for one, other in zip(
                    plan_many(few, allocations, quotes, policy, exact=True), alone, strict=False
                )
            ),
        },
        "bound_bp": _spread(batch.bound_bp.tolist()),
        "broken_rules": _broken(cases, batch),
        "verdicts": Counter(batch.verdicts),
    }


def _snapshot(case: Case) -> AccountSnapshot:
    return AccountSnapshot(
        account_id=case["id"],
        total_value=case["total_value"],
        cash_balance=case["cash"],
        positions=tuple(
            AccountPosition(symbol=symbol, quantity=quantity)
            for symbol, quantity in case["positions"].items()
        ),
    )


def _arrays(cases: list[Case]) -> BatchInput:
    symbols = tuple(cases[0]["prices"])
    return BatchInput(
        account_ids=tuple(case["id"] for case in cases),
        symbols=symbols,
        shares=np.array([[case["positions"].get(s, 0.0) for s in symbols] for case in cases]),
        cash=np.array([case["cash"] for case in cases]),
        net_liquidation=np.array([case["total_value"] for case in cases]),
    )


def _policy(case: Case) -> PlanPolicy:
    return PlanPolicy(
        cash_reserve_percent=case["cash_reserve_pct"],
        buy_slippage_percent=case["buy_slippage_pct"],
        commission=CommissionModel(
            per_share=case["commission"]["per_share"],
            minimum=case["commission"]["min_per_order"],
        ),
    )


def _speed(work: Callable[[], object], accounts: int) -> dict[str, int]:
    speeds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        work()
        speeds.append(accounts / (time.process_time() - began))
    return {"median": round(float(np.median(speeds))), "min": round(min(speeds))}


def _spread(values: list[float]) -> dict[str, float]:
    marks = {"median": 50, "p95": 95, "max": 100}
    return {name: round(float(np.percentile(values, at)), 3) for name, at in marks.items()}


def _broken(cases: list[Case], batch: BatchPlan) -> int:
    evaluate = importlib.import_module("model").evaluate
    return sum(
        bool(evaluate(case, {s: float(q) for s, q in batch.trades(at).items()})["broken"])
        for at, case in enumerate(cases)
    )


if __name__ == "__main__":
    main()
