"""The desk that takes orders: what may be asked for, and what it ties up.

Comes in: a request. Goes out: nothing, or an `ExchangeError` with its reason; and the hold that a
live order puts on its account. Never: a fill, a change of an order.
"""

from decimal import Decimal

from .accounts import ZERO, Ledger
from .books import Books, Ticket
from .errors import ExchangeError, Reason
from .market import Market
from .orders import Order, OrderRequest, Side
from .quotes import Quote
from .terms import check_terms
from .triggers import distance
from .valuation import INITIAL_MARGIN, available_margin


class Desk:
    """Checks requests against the accounts and keeps the holds of live orders."""

    def __init__(self, books: Books, market: Market) -> None:
        self._books = books
        self._market = market

    def check(self, request: OrderRequest, filled: Decimal = ZERO, held: Decimal = ZERO) -> None:
        """Everything that can be wrong with a request, as an `ExchangeError`.

        `filled` and `held` are the part that is done and the hold of an order that is live.
        """
        ledger = self._books.ledger(request.account_id)
        instrument = self._market.instrument(request.con_id)
        check_terms(request, instrument)
        remaining = request.quantity - filled
        if remaining <= 0:
            raise ExchangeError(
                Reason.BAD_QUANTITY,
                f"the order has filled {filled}, its quantity cannot become {request.quantity}; "
                "cancel it instead",
            )
        if request.side is Side.BUY:
            self._check_funds(request, remaining, ledger, held)
        else:
            self._check_shares(request, remaining, ledger, held)

    def hold(self, ticket: Ticket, order: Order) -> None:
        """Let a live order tie up what its remaining quantity needs, and one that ended nothing."""
        request = order.request
        ledger = self._books.ledgers[request.account_id]
        remaining = ZERO if order.is_done else order.remaining
        if request.side is Side.SELL:
            offered = ledger.offered.get(request.con_id, ZERO)
            ledger.offered[request.con_id] = offered + remaining - ticket.hold
            ticket.hold = remaining
            return
        currency = self._market.currency(request.con_id)
        held = self._cost(request, remaining)
        ledger.reserved[currency] = ledger.reserved.get(currency, ZERO) + held - ticket.hold
        ticket.hold = held

    def _check_shares(
        self, request: OrderRequest, quantity: Decimal, ledger: Ledger, held: Decimal
    ) -> None:
        """A sale needs shares that no other order offers, or an account that may go short."""
        owned = ledger.quantity(request.con_id)
        offered = ledger.offered.get(request.con_id, ZERO) - held
        short = quantity - max(ZERO, owned - offered)
        if short <= 0:
            return
        if not ledger.allow_short:
            raise ExchangeError(
                Reason.NO_SHORT,
                f"selling {quantity} of {self._market.instrument(request.con_id).symbol} would "
                f"leave {ledger.account_id} short: it owns {owned} and offers {offered} already",
            )
        self._check_funds(request, short, ledger, ZERO)

    def _check_funds(
        self, request: OrderRequest, quantity: Decimal, ledger: Ledger, held: Decimal
    ) -> None:
        """A purchase needs cash, on margin half of it, that no other order has reserved."""
        cost = self._cost(request, quantity)
        currency, base = self._market.currency(request.con_id), ledger.base_currency
        free = ledger.cash.get(currency, ZERO) - ledger.reserved.get(currency, ZERO) + held
        if not ledger.margin:
            # There is no credit, so a cash account pays in the instrument's own currency.
            _require(cost, free, currency, ledger)
            return
        if cost <= free and ledger.pays_in_cash():
            return
        rate = self._market.rate
        reserved = sum((rate(c, base) * held for c, held in ledger.reserved.items()), ZERO)
        reserved -= held * rate(currency, base)
        margin = available_margin(ledger, self._market) - reserved * INITIAL_MARGIN
        _require(cost * rate(currency, base) * INITIAL_MARGIN, margin, base, ledger)

    def _cost(self, request: OrderRequest, quantity: Decimal) -> Decimal:
        """The most a trade may cost, commission included.

        Raises `ExchangeError` when there is nothing to value a market order with.
        """
        if not quantity:
            return ZERO
        instrument = self._market.instrument(request.con_id)
        price = request.limit_price
        if price is None:
            price = _worst_price(request, self._market.quote(request.con_id))
        if price is None:
            raise ExchangeError(
                Reason.NO_PRICE,
                f"{instrument.symbol} has no price to value a market order with; use a limit "
                "order or wait for a quote",
            )
        value = quantity * price * instrument.multiplier
        return value + self._books.commissions.charge(quantity, value)


def _require(needed: Decimal, free: Decimal, currency: str, ledger: Ledger) -> None:
    if needed > free:
        what = "initial margin" if ledger.margin else "cash"
        raise ExchangeError(
            Reason.INSUFFICIENT_FUNDS,
            f"{ledger.account_id} has {free:.2f} {currency} free and the order needs "
            f"{needed:.2f} {currency} of {what}",
        )


def _worst_price(request: OrderRequest, quote: Quote) -> Decimal | None:
    """What an order without a limit may pay: the ask, a stop where it triggers if that is more."""
    market = quote.mark if quote.ask is None else quote.ask
    if not request.order_type.is_stop:
        return market
    stop = request.stop_price
    if stop is None and market is not None:
        stop = market + distance(request, market)
    prices = [price for price in (stop, market) if price is not None]
    return max(prices) + (request.limit_offset or ZERO) if prices else None
