from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

import pytest

from broker_connector_base.models import (
    AccountConfig,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import AllocationError, PlanPolicy, TradeCalculator

ACCOUNT = AccountConfig(
    account_id="DU1", type="paper", strategy_name="core", cash_reserve_percent=D(10)
)
MARKET = {"AAA": ("99", "100"), "OLD": ("20", "20")}


def test_the_reserve_comes_from_the_account_and_sells_come_first(
    snapshot: Callable[..., AccountSnapshot],
    allocations: Callable[..., list[AllocationItem]],
    quotes: Callable[..., list[ContractPrice]],
) -> None:
    calculator = TradeCalculator(PlanPolicy(buy_slippage_percent=D(1)))
    result = calculator.calculate_trades(
        snapshot("800", {"OLD": "10.5"}, MARKET),
        allocations({"AAA": "1"}),
        ACCOUNT,
        quotes(MARKET),
    )
    sell, buy = result.trades
    # 1,010 in all: 101 stay; 1,000 of cash after the sale buy 8 at 101 each
    assert (sell.symbol, sell.quantity, sell.price, sell.order_type) == (
        "OLD",
        D(-10),
        D(20),
        "MARKET",
    )
    assert (buy.symbol, buy.quantity, buy.price, buy.order_type) == ("AAA", D(8), D(101), "LIMIT")
    assert (buy.current_shares, buy.current_value, buy.target_value) == (D(0), D(0), D(909))
    assert len(result.warnings) == 1


def test_bad_allocations_are_refused(
    snapshot: Callable[..., AccountSnapshot], quotes: Callable[..., list[ContractPrice]]
) -> None:
    with pytest.raises(AllocationError):
        TradeCalculator().calculate_trades(snapshot("800", {}, MARKET), [], ACCOUNT, quotes(MARKET))
