"""The rules of the house that a scenario may change: cost, delay, and how readily orders fill.

Comes in: numbers of one order. Goes out: a charge, a delay in seconds, the size of the next fill.
Never: state; the exchange remembers how far each order has come.
"""

from dataclasses import dataclass
from decimal import Decimal

from .chance import fraction


@dataclass(frozen=True, kw_only=True, slots=True)
class CommissionSchedule:
    """A charge per share or by value, with a minimum per order and a cap in percent of the value.

    The defaults are Interactive Brokers' published fixed pricing for US stocks and ETFs: USD 0.005
    per share, minimum USD 1.00 per order, maximum 1 % of the trade value, and the maximum wins
    over the minimum (interactivebrokers.com, Pricing, Commissions, Stocks).
    """

    per_share: Decimal = Decimal("0.005")
    #: fraction of the trade's value, on top of `per_share`
    rate: Decimal = Decimal(0)
    minimum: Decimal = Decimal("1.00")
    #: fraction of the trade's value
    cap: Decimal = Decimal("0.01")

    def __post_init__(self) -> None:
        if min(self.per_share, self.rate, self.minimum, self.cap) < 0:
            raise ValueError("a commission is not negative")

    def charge(self, quantity: Decimal, value: Decimal) -> Decimal:
        """The charge for a whole order so far: its filled quantity and the value of the fills.

        Never falls as an order fills, so each fill owes the difference to what was charged before
        and the minimum counts once.
        """
        charge = self.per_share * quantity
        if self.rate:
            charge += self.rate * value
        return min(max(charge, self.minimum), self.cap * value)


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencyModel:
    """Seconds from a client's request to its arrival at the exchange, uniform in [low, high]."""

    low: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"latency needs 0 <= low <= high, got {self.low} and {self.high}")

    @classmethod
    def fixed(cls, seconds: float) -> "LatencyModel":
        return cls(low=seconds, high=seconds)

    def delay(self, seed: int, number: int) -> float:
        """Delay of request `number`, always the same for the same seed."""
        if self.low == self.high:
            return self.low
        return self.low + (self.high - self.low) * fraction(f"{seed}/latency", number)


@dataclass(frozen=True, kw_only=True, slots=True)
class FillPolicy:
    """How a marketable order fills: in `sizes` one after another, `gap` seconds apart, then
    the rest at once, or not at all when it is to `stall`."""

    sizes: tuple[Decimal, ...] = ()
    gap: float = 0.0
    stall: bool = False

    def __post_init__(self) -> None:
        if self.gap < 0 or any(size <= 0 for size in self.sizes):
            raise ValueError("a fill policy needs positive sizes and a gap that is not negative")

    @classmethod
    def immediate(cls) -> "FillPolicy":
        return cls()

    @classmethod
    def never(cls) -> "FillPolicy":
        """Orders work but do not fill until the policy changes."""
        return cls(stall=True)

    @classmethod
    def partial(cls, *sizes: Decimal | int, gap: float = 0.0, stall: bool = False) -> "FillPolicy":
        return cls(sizes=tuple(Decimal(size) for size in sizes), gap=gap, stall=stall)

    def size(self, fills: int, remaining: Decimal) -> Decimal:
        """Size of the next fill of an order that has had `fills` fills; 0 when it must wait."""
        if fills < len(self.sizes):
            return min(self.sizes[fills], remaining)
        return Decimal(0) if self.stall else remaining
