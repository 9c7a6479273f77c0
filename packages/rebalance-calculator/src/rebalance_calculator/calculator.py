"""TradeCalculator: plan() behind the name and the signature that callers of old know."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from broker_connector_base.models import AccountConfig, AccountSnapshot, AllocationItem, Trade

from .models import PlanLine, TradeCalculationResult
from .planner import plan
from .policy import PlanPolicy
from .quotes import Quotes


class TradeCalculator:
    """Calculates trades under one policy; the reserve comes from each account's configuration."""

    def __init__(self, policy: PlanPolicy | None = None) -> None:
        self._policy = policy or PlanPolicy()

    def calculate_trades(
        self,
        snapshot: AccountSnapshot,
        allocations: Sequence[AllocationItem],
        account_config: AccountConfig,
        prices: Quotes,
    ) -> TradeCalculationResult:
        """The trades of plan(), sells first; raises what plan() raises."""
        policy = self._policy.model_copy(
            update={"cash_reserve_percent": account_config.cash_reserve_percent}
        )
        result = plan(snapshot, allocations, prices, policy)
        return TradeCalculationResult(
            trades=tuple(_trade(line) for line in result.trades), warnings=result.warnings
        )


def _trade(line: PlanLine) -> Trade:
    return Trade(
        symbol=line.symbol,
        quantity=line.quantity,
        current_shares=line.current_quantity,
        target_value=line.target_value,
        # Only lines that do not trade may be without a value and a price.
        current_value=cast(Decimal, line.current_value),
        price=cast(Decimal, line.limit_price or line.estimated_price),
        order_type="LIMIT" if line.limit_price else "MARKET",
    )
