"""Lookups on instruments, quotes and exchange rates.

Comes in: an id or search terms. Goes out: what the books say. Never: an account.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from .books import Books
from .errors import ExchangeError, Reason
from .hours import TradingHours
from .instruments import Instrument
from .orders import OrderRequest, OrderType
from .quotes import Quote, QuoteKind

_ZERO = Decimal(0)
_ONE = Decimal(1)
_NO_QUOTE = Quote()


class Market:
    """What is listed and what it costs."""

    def __init__(self, books: Books) -> None:
        self._books = books
        #: symbol -> listings; the books' own order within each
        self._by_symbol: dict[str, list[Instrument]] = {}
        self._indexed = 0

    def instrument(self, con_id: int) -> Instrument:
        found = self._books.instruments.get(con_id)
        if found is None:
            raise ExchangeError(
                Reason.UNKNOWN_INSTRUMENT, f"no instrument with con_id {con_id} is listed"
            )
        return found

    def find(self, exchange: str, **terms: str | int | None) -> list[Instrument]:
        """Instruments whose fields equal every term that is given; None and "" give none."""
        given = {name: value for name, value in terms.items() if value not in (None, "")}
        return [
            listed
            for listed in self._candidates(given)
            if listed.con_id not in self._books.delisted
            and all(getattr(listed, name) == value for name, value in given.items())
            and (exchange in ("", listed.exchange) or exchange in listed.valid_exchanges)
        ]

    def _candidates(self, given: Mapping[str, Any]) -> Iterable[Instrument]:
        """All that an id or a symbol leaves, else all there are."""
        listed = self._books.instruments
        if "con_id" in given:
            return (listed[given["con_id"]],) if given["con_id"] in listed else ()
        if "symbol" not in given:
            return listed.values()
        # Instruments are added now and then, and never taken out.
        for instrument in islice(listed.values(), self._indexed, None):
            self._by_symbol.setdefault(instrument.symbol, []).append(instrument)
        self._indexed = len(listed)
        return self._by_symbol.get(given["symbol"], ())

    def quote(self, con_id: int) -> Quote:
        return self._books.quotes.get(con_id, _NO_QUOTE)

    def kind(self, con_id: int) -> QuoteKind:
        return self._books.quote_kinds.get(con_id, self._books.quote_kind)

    def hours(self, request: OrderRequest) -> TradingHours:
        """When an order may trade. At any price nothing trades outside regular hours (Interactive
        Brokers: a market order waits for the open, whatever its `outside_rth` says)."""
        instrument = self.instrument(request.con_id)
        priced = request.order_type not in (OrderType.MKT, OrderType.MIDPRICE)
        outside = request.outside_rth and priced
        return instrument.trading_hours if outside else instrument.liquid_hours

    def mark(self, con_id: int) -> Decimal:
        """Value of one contract in the instrument's currency; 0 while there is no price at all."""
        price = self.quote(con_id).mark
        return _ZERO if price is None else price * self._books.instruments[con_id].multiplier

    def currency(self, con_id: int) -> str:
        return self._books.instruments[con_id].currency

    def rate(self, source: str, target: str) -> Decimal:
        """Value of one unit of `source` in `target`."""
        if source == target:
            return _ONE
        return self._books.rates[source] / self._books.rates[target]
