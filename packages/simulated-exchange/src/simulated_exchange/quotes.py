"""Prices as they stand, and where they come from.

Comes in: prices set by a script, or a seed. Goes out: quotes. Never: an order, a fill.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from .chance import fraction
from .instruments import Instrument

_TWO = Decimal(2)


class QuoteKind(StrEnum):
    """What the login may see of an instrument's quotes."""

    LIVE = "live"
    DELAYED = "delayed"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """One instrument's market at one instant; a price that does not exist is None.

    Prices are in the instrument's currency, sizes in units of the instrument. `halted` is 0 when
    trading, 1 for a general and 2 for a volatility halt (tick type 49 of the TWS API). A crossed
    or one-sided quote is legal: markets produce them and clients must cope.
    """

    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    close: Decimal | None = None
    bid_size: Decimal = Decimal(0)
    ask_size: Decimal = Decimal(0)
    last_size: Decimal = Decimal(0)
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal = Decimal(0)
    halted: int = 0
    at: datetime | None = None

    @property
    def mark(self) -> Decimal | None:
        """The price that values a position: the last trade, held inside the spread.

        Without a last trade the middle of the spread, without a spread whatever one side, or the
        previous close, says. None when there is no price at all.
        """
        if self.bid is not None and self.ask is not None and self.bid <= self.ask:
            if self.last is None:
                return (self.bid + self.ask) / _TWO
            if self.last < self.bid:
                return self.bid
            return self.ask if self.last > self.ask else self.last
        for price in (self.last, self.close, self.bid, self.ask):
            if price is not None:
                return price
        return None


def divided(quote: Quote, ratio: Decimal, instrument: Instrument) -> Quote:
    """The quote after a split: prices divided and rounded to the tick, sizes multiplied."""

    def price(before: Decimal | None) -> Decimal | None:
        if before is None:
            return None
        tick = instrument.tick_at(before / ratio)
        return max(tick, (before / ratio / tick).to_integral_value() * tick)

    return replace(
        quote,
        bid=price(quote.bid),
        ask=price(quote.ask),
        last=price(quote.last),
        close=price(quote.close),
        open=price(quote.open),
        high=price(quote.high),
        low=price(quote.low),
        bid_size=quote.bid_size * ratio,
        ask_size=quote.ask_size * ratio,
        last_size=quote.last_size * ratio,
        volume=quote.volume * ratio,
        at=None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomWalk:
    """A seeded walk on the tick grid, one step each `interval` seconds.

    A step moves both sides by up to `max_ticks` ticks, never below one tick. The same seed and
    symbol always walk the same way, whatever else happens on the exchange.
    """

    seed: int = 0
    interval: float = 1.0
    max_ticks: int = 2
    spread_ticks: int = 1

    def __post_init__(self) -> None:
        if self.interval <= 0 or self.max_ticks < 0 or self.spread_ticks < 1:
            raise ValueError("a walk needs interval > 0, max_ticks >= 0 and spread_ticks >= 1")

    def step(self, quote: Quote, *, instrument: Instrument, number: int, at: datetime) -> Quote:
        """The quote after step `number` of this walk."""
        reach = 2 * self.max_ticks + 1
        drawn = fraction(f"{self.seed}/{instrument.symbol}", number)
        moved = int(drawn * reach) - self.max_ticks
        start = quote.bid or quote.mark or instrument.min_tick
        tick = instrument.tick_at(start)
        bid = max(tick, start - start % tick + moved * tick)
        tick = instrument.tick_at(bid)
        bid -= bid % tick
        ask = bid + self.spread_ticks * tick
        last = bid if moved < 0 else ask
        return replace(
            quote,
            bid=bid,
            ask=ask,
            last=last,
            high=max(quote.high or last, last),
            low=min(quote.low or last, last),
            at=at,
        )
