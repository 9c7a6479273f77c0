"""The knobs of a plan, as frozen values with their units. Never reads a file or an environment."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from broker_connector_base.values import NotNegative, Number, Positive, Value

from .symbols import normal_symbol

Percent = Annotated[Number, Field(ge=0, le=100)]


def _normal_symbols(symbols: object) -> object:
    if isinstance(symbols, Mapping):
        return {normal_symbol(symbol): value for symbol, value in symbols.items()}
    if isinstance(symbols, (set, frozenset, list, tuple)):
        return frozenset(map(normal_symbol, symbols))
    return symbols


SymbolSet = Annotated[frozenset[str], BeforeValidator(_normal_symbols)]
PerSymbol = Annotated[dict[str, Positive], BeforeValidator(_normal_symbols)]


class CommissionModel(Value):
    """What an order costs: per share with a minimum per order, capped by the order's value.

    The cap wins over the minimum, as in IBKR's fixed pricing (0.005, 1.00, 1 %; source:
    interactivebrokers.com, Commissions, Stocks, "Fixed").
    """

    #: Account currency per share.
    per_share: NotNegative = Decimal(0)
    #: Account currency per order.
    minimum: NotNegative = Decimal(0)
    #: Percent of the order's value; None for no cap.
    percent_cap: Positive | None = None

    def fee(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Commission for `quantity` shares (the sign does not matter) at `price`; 0 for none."""
        size = abs(quantity)
        if not size:
            return Decimal(0)
        fee = max(self.minimum, self.per_share * size)
        if self.percent_cap is None:
            return fee
        return min(fee, self.percent_cap / 100 * size * price)


class PlanPolicy(Value):
    """How a plan may trade. Symbols are case-insensitive."""

    #: Percent of the managed value that stays in cash.
    cash_reserve_percent: Percent = Decimal(1)
    #: Least reserve in the account's currency; the larger of the two holds.
    minimum_cash_reserve: NotNegative = Decimal(0)
    #: Percent above the ask at which buys are limited.
    buy_slippage_percent: Percent = Decimal("0.5")
    commission: CommissionModel = CommissionModel()
    #: Smallest tradable quantity, in shares; `lots` overrides it per symbol.
    lot: Positive = Decimal(1)
    lots: PerSymbol = Field(default_factory=dict)
    #: No order is worth less than this at the mid price; sales of what has no target are exempt.
    min_trade_value: NotNegative = Decimal(0)
    #: Percentage points of weight; a target that is missed by less is not traded.
    drift_band_percent: Percent = Decimal(0)
    #: A plan that improves the objective by less than this is not worth its trades.
    minimum_improvement_bp: NotNegative = Decimal(0)
    #: Price steps per symbol: buy limits are rounded to them; without one there is no rounding.
    ticks: PerSymbol = Field(default_factory=dict)
    #: Widest spread accepted, in percent of the mid; None accepts any.
    max_spread_percent: Positive | None = None
    #: Farthest the mid may be from yesterday's close, in percent; None accepts any.
    max_close_deviation_percent: Positive | None = None
    #: Refuse delayed and frozen quotes.
    live_quotes_only: bool = False
    #: Percent of net liquidation by which positions plus cash may differ from it.
    snapshot_tolerance_percent: Percent = Decimal("0.5")
    sell_blocked: SymbolSet = frozenset()
    buy_blocked: SymbolSet = frozenset()
    #: Top up only: nothing is sold.
    buys_only: bool = False
    #: Cash that may be spent (for example settled cash), when that is less than the cash balance.
    available_cash: Number | None = None

    def lot_of(self, symbol: str) -> Decimal:
        return self.lots.get(symbol, self.lot)
