"""Runs allocation cases through the public plan(): one function, solve(case).

A case is a plain dict: cash, total_value, cash_reserve_pct, buy_slippage_pct, commission, lot,
min_trade_value, drift_band_pct, positions, targets and prices.  Out: signed quantity by symbol.
"""

from __future__ import annotations

from typing import Any

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import CommissionModel, PlanPolicy, plan


def solve(case: dict[str, Any]) -> dict[str, float]:
    """The planned trades of one case."""
    snapshot = AccountSnapshot(
        account_id="BENCH",
        total_value=case["total_value"],
        cash_balance=case["cash"],
        positions=tuple(
            AccountPosition(symbol=symbol, quantity=quantity)
            for symbol, quantity in case["positions"].items()
        ),
    )
    allocations = [
        AllocationItem(symbol=symbol, allocation=weight)
        for symbol, weight in case["targets"].items()
    ]
    quotes = [
        ContractPrice(symbol=symbol, bid=price["bid"], ask=price["ask"], last=price["last"])
        for symbol, price in case["prices"].items()
    ]
    policy = PlanPolicy(
        cash_reserve_percent=case["cash_reserve_pct"],
        buy_slippage_percent=case["buy_slippage_pct"],
        commission=CommissionModel(
            per_share=case["commission"]["per_share"],
            minimum=case["commission"]["min_per_order"],
        ),
        lot=case["lot"],
        min_trade_value=case["min_trade_value"],
        drift_band_percent=case["drift_band_pct"],
    )
    return {
        line.symbol: float(line.quantity)
        for line in plan(snapshot, allocations, quotes, policy).trades
    }
