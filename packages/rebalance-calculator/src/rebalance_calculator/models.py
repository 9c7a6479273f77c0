"""What a plan looks like to its readers: frozen values only, no arithmetic beyond sums.

Money is in the account's base currency; quantities are signed shares; weights are fractions of the
plan's `total_value`.
"""

from __future__ import annotations

from enum import StrEnum

from broker_connector_base.models import Trade
from broker_connector_base.values import Number, Value


class ReasonCode(StrEnum):
    """Why a line trades, or why it does not."""

    UNDERWEIGHT = "underweight"
    OVERWEIGHT = "overweight"
    NOT_IN_ALLOCATION = "not in allocation"
    #: Sold below its target: for the cash reserve, or because whole shares fit better so.
    RAISE_CASH = "raise cash"

    #: Less than a lot from the target.
    ON_TARGET = "on target"
    #: Overweight, but selling costs more than it gains.
    NOT_WORTH_THE_COST = "not worth the cost"
    INSIDE_BAND = "inside band"
    BELOW_MINIMUM_TRADE = "below minimum trade"
    NOT_ENOUGH_CASH = "not enough cash"
    IMPROVEMENT_TOO_SMALL = "improvement too small"
    FRACTIONAL_STUB = "fractional stub"
    BUY_BLOCKED = "buy blocked"
    SELL_BLOCKED = "sell blocked"
    BUYS_ONLY = "buys only"

    NOT_A_STOCK = "not a stock"
    SHORT = "short"
    FOREIGN_CURRENCY = "foreign currency"


class PlanLine(Value):
    """One symbol of a plan: a trade, a hold, or a position that is left alone."""

    symbol: str
    #: Signed shares to trade, 0 for a hold.
    quantity: Number
    #: The limit of a buy; None for everything else.
    limit_price: Number | None = None
    #: Ask of a buy, bid of a sell; None when nothing trades.
    estimated_price: Number | None = None
    #: Worst case: at the limit for a buy, at the bid for a sell.
    estimated_fee: Number
    current_quantity: Number
    #: At the mid; None when a position that is left alone has no value in the base currency.
    current_value: Number | None
    target_value: Number
    weight_before: Number | None
    weight_after: Number | None
    target_weight: Number
    reason_code: ReasonCode
    #: One sentence for a person.
    reason: str


class Plan(Value):
    """Trades, what they lead to, and how good they are."""

    sells: tuple[PlanLine, ...]
    buys: tuple[PlanLine, ...]
    #: What does not trade, and positions that are left alone, each with its reason.
    holds: tuple[PlanLine, ...]
    #: Managed value: cash and managed stocks at mid; what is left alone is not in it.
    total_value: Number
    #: Cash that must stay: the reserve and the CASH line.
    cash_target: Number
    cash_before: Number
    #: Buys at the ask, sells at the bid, fees.
    expected_cash_after: Number
    #: Buys at their limits, sells at the bid, fees.
    worst_case_cash_after: Number
    cash_weight_before: Number
    cash_weight_after: Number
    cash_weight_target: Number
    #: Spread, slippage and fees in the worst case.
    estimated_cost: Number
    #: Distance from the targets, cost included, in basis points of the total value.
    objective_bp: Number
    #: No permitted plan has an objective that is lower by more than this.
    bound_bp: Number
    warnings: tuple[str, ...] = ()

    @property
    def trades(self) -> tuple[PlanLine, ...]:
        """Sells, then buys."""
        return self.sells + self.buys

    @property
    def is_empty(self) -> bool:
        return not (self.sells or self.buys)


class TradeCalculationResult(Value):
    """Result of trade calculation with warnings."""

    trades: tuple[Trade, ...]
    warnings: tuple[str, ...] = ()
