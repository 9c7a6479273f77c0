"""How far a fill falls short of the quote.

Comes in: a quoted price and a size. Goes out: the price that is paid. Never: better than quoted,
never beyond a limit; an order that rests at its price slips nothing.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from .instruments import Instrument
from .orders import Side


class SlippageModel(StrEnum):
    NONE = "none"
    #: `value` in money a share
    FIXED = "fixed"
    #: `value` as a fraction of the price
    PERCENTAGE = "percentage"
    #: `value` as a fraction of the price for an order of the quoted size, in proportion for others
    IMPACT = "impact"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slippage:
    """What orders that take liquidity lose against the quote."""

    model: SlippageModel = SlippageModel.NONE
    value: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError(f"slippage is not negative: {self.value}")

    def price(
        self, quoted: Decimal, side: Side, size: Decimal, offered: Decimal, instrument: Instrument
    ) -> Decimal:
        """The price of a fill of `size` against a quote of `offered`, on the tick grid."""
        if self.model is SlippageModel.NONE:
            return quoted
        distance = self.value
        if self.model is not SlippageModel.FIXED:
            distance *= quoted
        if self.model is SlippageModel.IMPACT and offered > 0:
            distance *= size / offered
        tick = instrument.tick_at(quoted)
        if side is Side.BUY:
            return ((quoted + distance) / tick).to_integral_value(ROUND_CEILING) * tick
        return max(tick, ((quoted - distance) / tick).to_integral_value(ROUND_FLOOR) * tick)
