"""What can be traded.

Comes in: the description of a contract. Goes out: a value that answers what a price and a size may
look like. Never: a price, an opinion on whether trading is wise.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from .hours import TradingHours


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceIncrement:
    """One line of a market rule: from `low_edge` on, prices are multiples of `increment`."""

    low_edge: Decimal
    increment: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """One contract; `con_id` identifies it for ever, `symbol` need not be unique."""

    con_id: int
    symbol: str
    #: STK, OPT, CASH, ... as Interactive Brokers names them
    sec_type: str = "STK"
    #: currency of prices and of the cash that a trade moves
    currency: str = "USD"
    exchange: str = "SMART"
    primary_exchange: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    long_name: str = ""
    #: smallest price step, in `currency`
    min_tick: Decimal = Decimal("0.01")
    #: the market rule, rising from low_edge 0, where the step depends on the price; () where not
    price_increments: tuple[PriceIncrement, ...] = ()
    #: smallest step of an order's quantity
    lot_size: Decimal = Decimal(1)
    #: the zone's name as the contract shows it; the hours carry their own
    time_zone: str = "US/Eastern"
    trading_hours: TradingHours = field(default_factory=TradingHours.always)
    #: regular hours: an order trades in these unless it says `outside_rth`
    liquid_hours: TradingHours = field(default_factory=TradingHours.always)
    stock_type: str = ""
    valid_exchanges: tuple[str, ...] = ("SMART",)
    order_types: tuple[str, ...] = ("LMT", "MKT")
    #: units of the underlying that one contract stands for
    multiplier: Decimal = Decimal(1)
    strike: Decimal = Decimal(0)
    #: "C", "P" or "" for what is not an option
    right: str = ""
    #: YYYYMMDD, or "" for what does not expire
    last_trade_date: str = ""
    isin: str | None = None

    def __post_init__(self) -> None:
        if self.con_id <= 0:
            raise ValueError(f"{self.symbol}: con_id must be positive, got {self.con_id}")
        for name in ("min_tick", "lot_size", "multiplier"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{self.symbol}: {name} must be positive")
        edges = [step.low_edge for step in self.price_increments]
        if edges and (edges[0] != 0 or edges != sorted(set(edges))):
            raise ValueError(f"{self.symbol}: a market rule rises from 0, not {edges}")
        if any(step.increment <= 0 for step in self.price_increments):
            raise ValueError(f"{self.symbol}: price increments must be positive")

    def __hash__(self) -> int:
        return self.con_id

    @property
    def is_pair(self) -> bool:
        """Whether it is a pair of currencies: `symbol` is bought for `currency`, no position."""
        return self.sec_type == "CASH"

    def tick_at(self, price: Decimal) -> Decimal:
        """The price step that is in force at a price."""
        tick = self.min_tick
        for step in self.price_increments:
            if price < step.low_edge:
                break
            tick = step.increment
        return tick

    def is_on_tick(self, price: Decimal) -> bool:
        return price % self.tick_at(price) == 0

    def is_whole_lots(self, quantity: Decimal) -> bool:
        return quantity % self.lot_size == 0
