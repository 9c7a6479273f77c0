"""The instruments, their quotes and the exchange rates.

Comes in: instruments, quotes, rates. Goes out: lookups. Never: an account or an order.
"""

from collections.abc import Iterable
from decimal import Decimal

from .errors import ExchangeError, Reason
from .instruments import Instrument
from .quotes import Quote, QuoteKind

_ZERO = Decimal(0)
_ONE = Decimal(1)
_NO_QUOTE = Quote()


class Market:
    """What is listed and what it costs."""

    def __init__(self, instruments: Iterable[Instrument], rates: dict[str, Decimal]) -> None:
        self.instruments: dict[int, Instrument] = {}
        self.quotes: dict[int, Quote] = {}
        self.kinds: dict[int, QuoteKind] = {}
        self.default_kind = QuoteKind.LIVE
        #: currency -> value of one unit in US dollars
        self.rates = {"USD": _ONE, **rates}
        for instrument in instruments:
            self.add(instrument)

    def add(self, instrument: Instrument) -> None:
        if instrument.con_id in self.instruments:
            raise ValueError(f"con_id {instrument.con_id} is listed twice")
        self.instruments[instrument.con_id] = instrument

    def instrument(self, con_id: int) -> Instrument:
        found = self.instruments.get(con_id)
        if found is None:
            raise ExchangeError(
                Reason.UNKNOWN_INSTRUMENT, f"no instrument with con_id {con_id} is listed"
            )
        return found

    def find(self, **wanted: str | int | None) -> list[Instrument]:
        """Instruments whose fields equal every given value; None and "" match anything.

        "SMART" as exchange matches whatever can be routed there.
        """
        terms = {name: value for name, value in wanted.items() if value not in (None, "")}
        routed = terms.pop("exchange", None)
        return [
            listed
            for listed in self.instruments.values()
            if all(getattr(listed, name) == value for name, value in terms.items())
            and (routed is None or routed == listed.exchange or routed in listed.valid_exchanges)
        ]

    def quote(self, con_id: int) -> Quote:
        return self.quotes.get(con_id, _NO_QUOTE)

    def kind(self, con_id: int) -> QuoteKind:
        return self.kinds.get(con_id, self.default_kind)

    def mark(self, con_id: int) -> tuple[Decimal, str]:
        """Value of one contract and its currency; 0 while there is no price at all."""
        instrument = self.instruments[con_id]
        price = self.quote(con_id).mark
        return (_ZERO if price is None else price * instrument.multiplier), instrument.currency

    def multiplier(self, con_id: int) -> Decimal:
        return self.instruments[con_id].multiplier

    def rate(self, source: str, target: str) -> Decimal:
        """Value of one unit of `source` in `target`."""
        if source == target:
            return _ONE
        try:
            return self.rates[source] / self.rates[target]
        except KeyError as missing:
            raise ValueError(f"no exchange rate for {missing}; give one in `rates`") from None
