"""A scripted broker's instruments and quotes, and what an order would trade at.

Comes in: quotes as a test sets them, crossed and one-sided ones included. Goes out: marks and
execution prices. It never invents a price.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from broker_connector_base.models import ContractPrice, Instrument, QuoteQuality, Session

from .ledger import BookOrder

#: Prices, quantities and cash as a test writes them.
Amount = Decimal | int | str


class Market:
    """Listed stocks, each with at most one quote."""

    def __init__(self, now: Callable[[], datetime], quote_changed: Callable[[str], None]) -> None:
        self.now = now
        self._quote_changed = quote_changed
        self.instruments: dict[str, Instrument] = {}
        self.quotes: dict[str, ContractPrice] = {}

    def add_instrument(
        self,
        symbol: str,
        *,
        bid: Amount | None = None,
        ask: Amount | None = None,
        min_tick: Amount = "0.01",
        lot_size: Amount = 1,
    ) -> Instrument:
        """List a stock, with a live quote when `bid` and `ask` are given."""
        instrument = Instrument(
            symbol=symbol,
            instrument_id=f"I-{symbol}",
            exchange="FAKE",
            min_tick=Decimal(min_tick),
            lot_size=Decimal(lot_size),
            liquid_hours=(self._regular_session(),),
        )
        self.instruments[symbol] = instrument
        if bid is not None or ask is not None:
            self.set_quote(symbol, bid=bid, ask=ask)
        return instrument

    def set_quote(
        self,
        symbol: str,
        *,
        bid: Amount | None,
        ask: Amount | None,
        last: Amount | None = None,
        close: Amount | None = None,
        quality: QuoteQuality = QuoteQuality.LIVE,
        halted: bool | None = None,
    ) -> None:
        """Replace the quote.

        `last` and `close` default to the middle of a two-sided quote.
        """
        middle = None if bid is None or ask is None else (Decimal(bid) + Decimal(ask)) / 2
        self.quotes[symbol] = ContractPrice(
            symbol=symbol,
            bid=None if bid is None else Decimal(bid),
            ask=None if ask is None else Decimal(ask),
            last=middle if last is None else Decimal(last),
            close=middle if close is None else Decimal(close),
            quality=quality,
            halted=halted,
            as_of=self.now(),
        )
        self._quote_changed(symbol)

    def mark(self, symbol: str) -> Decimal | None:
        """What one share is valued at: last, else close, else either side of the quote."""
        quote = self.quotes.get(symbol)
        return (quote.last or quote.close or quote.bid or quote.ask) if quote else None

    def reached_price(self, order: BookOrder) -> Decimal | None:
        """The price at which the order would trade now, None when it would rest."""
        quote = self.quotes.get(order.symbol)
        if quote is None or quote.halted:
            return None
        side = quote.ask if order.quantity > 0 else quote.bid
        if side is None or order.limit_price is None:
            return side
        edge = order.limit_price - side
        return side if (edge if order.quantity > 0 else -edge) >= 0 else None

    def _regular_session(self) -> Session:
        """The New York session of the clock's day, in winter."""
        midnight = datetime.combine(self.now().date(), time(), UTC)
        return Session(
            opens=midnight + timedelta(hours=14, minutes=30),
            closes=midnight + timedelta(hours=21),
        )
