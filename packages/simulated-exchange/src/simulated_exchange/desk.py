"""The desk that takes orders: what may be asked for, and what it ties up.

Comes in: a request. Goes out: nothing, or an `ExchangeError` with its reason; and the hold that a
live order puts on its account. Never: a fill, a change of an order.
"""

from decimal import Decimal

from .accounts import ZERO, Ledger
from .books import Books, Ticket
from .errors import ExchangeError, Reason
from .families import Families, means
from .market import Market
from .orders import Order, OrderRequest, OrderState, Side
from .quotes import Quote
from .terms import check_terms
from .triggers import distance
from .valuation import INITIAL_MARGIN, available_margin, order_margin


class Desk:
    """Checks requests against the accounts and keeps the holds of live orders."""

    def __init__(self, books: Books, market: Market, families: Families) -> None:
        self._books = books
        self._market = market
        self._families = families

    def check(
        self, request: OrderRequest, filled: Decimal = ZERO, ticket: Ticket | None = None
    ) -> None:
        """Everything that can be wrong with a request, as an `ExchangeError`.

        `filled` and `ticket` are the part that is done and the ticket of an order that is live. A
        child is not asked for means before its parent has filled.
        """
        ledger = self._books.ledger(request.account_id)
        instrument = self._market.instrument(request.con_id)
        if request.con_id in self._books.delisted:
            raise ExchangeError(
                Reason.UNKNOWN_INSTRUMENT, f"{instrument.symbol} trades no more under this id"
            )
        check_terms(request, instrument)
        remaining = request.quantity - filled
        if remaining <= 0:
            raise ExchangeError(
                Reason.BAD_QUANTITY,
                f"the order has filled {filled}, its quantity cannot become {request.quantity}; "
                "cancel it instead",
            )
        if request.parent_id is not None:
            parent = self._parent(request)
            self.check_child(request, parent.request)
            if not parent.is_done:
                return
        held = self._families.shared_hold(request, ticket.order_id if ticket else None)
        if ticket:
            held = max(held, ticket.hold)
        pays_with = means(request, self._market.instrument(request.con_id))
        if isinstance(pays_with, str):
            self._check_funds(request, remaining, ledger, pays_with, held)
        else:
            self._check_shares(request, remaining, ledger, held)

    def check_child(self, child: OrderRequest, parent: OrderRequest) -> None:
        """What can be checked of a child before its parent has filled."""
        check_terms(child, self._market.instrument(child.con_id))
        if parent.account_id != child.account_id:
            raise ExchangeError(
                Reason.BAD_PARENT,
                f"a parent in {parent.account_id} has no child in {child.account_id}",
            )

    def _parent(self, child: OrderRequest) -> Order:
        parent = self._books.orders.get(child.parent_id or 0)
        if parent is None:
            raise ExchangeError(Reason.BAD_PARENT, f"there is no parent {child.parent_id}")
        if parent.is_done and parent.status is not OrderState.FILLED:
            raise ExchangeError(
                Reason.BAD_PARENT, f"the parent {parent.order_id} is {parent.status}"
            )
        return parent

    def must_borrow(self, ticket: Ticket, order: Order) -> bool:
        """Whether a live order sells shares that its account does not own and nobody lends."""
        request = order.request
        if request.con_id not in self._books.hard_to_borrow or request.side is Side.BUY:
            return False
        ledger = self._books.ledgers[request.account_id]
        held = max(self._families.shared_hold(request, order.order_id), ticket.hold)
        return _short(request, order.remaining, ledger, held) > 0

    def hold(self, ticket: Ticket, order: Order) -> None:
        """Let an order tie up what its remaining quantity needs: nothing once it has ended, nor
        while it waits for its parent."""
        request = order.request
        ledger = self._books.ledgers[request.account_id]
        others = self._families.shared_hold(request, order.order_id)
        needed = self._needed(ticket, order)
        change = max(needed, others) - max(ticket.hold, others)
        ticket.hold = needed
        pays_with = means(request, self._market.instrument(request.con_id))
        if isinstance(pays_with, str):
            ledger.reserved[pays_with] = ledger.reserved.get(pays_with, ZERO) + change
        else:
            ledger.offered[pays_with] = ledger.offered.get(pays_with, ZERO) + change

    def _needed(self, ticket: Ticket, order: Order) -> Decimal:
        request = order.request
        if order.is_done or self._families.awaits_parent(request):
            return ZERO
        if request.side is Side.SELL:
            return order.remaining
        try:
            return self._cost(request, order.remaining)
        except ExchangeError:
            # Without a price, what it held for more will do for less.
            return ticket.hold

    def _check_shares(
        self, request: OrderRequest, quantity: Decimal, ledger: Ledger, held: Decimal
    ) -> None:
        """A sale needs shares that no other order offers, or an account that may go short."""
        short = _short(request, quantity, ledger, held)
        if short <= 0:
            return
        if not ledger.allow_short:
            owned = ledger.quantity(request.con_id)
            offered = ledger.offered.get(request.con_id, ZERO) - held
            raise ExchangeError(
                Reason.NO_SHORT,
                f"selling {quantity} of {self._market.instrument(request.con_id).symbol} would "
                f"leave {ledger.account_id} short: it owns {owned} and offers {offered} already",
            )
        self._check_margin(request, self._cost(request, short), ledger, held)

    def _check_funds(
        self,
        request: OrderRequest,
        quantity: Decimal,
        ledger: Ledger,
        currency: str,
        held: Decimal,
    ) -> None:
        """A purchase needs cash, on margin half of it, that no other order has reserved."""
        cost = self._payment(request, quantity)
        free = ledger.cash.get(currency, ZERO) - ledger.reserved.get(currency, ZERO) + held
        if not ledger.margin:
            # There is no credit, so a cash account pays in the instrument's own currency.
            _require(cost, free, currency, ledger)
            return
        if cost <= free and ledger.pays_in_cash():
            return
        self._check_margin(request, cost, ledger, held)

    def _check_margin(
        self, request: OrderRequest, cost: Decimal, ledger: Ledger, held: Decimal
    ) -> None:
        """A trade on credit needs half of its cost as margin that no other order needs."""
        instrument, base = self._market.instrument(request.con_id), ledger.base_currency
        pays_with = means(request, instrument)
        currency = pays_with if isinstance(pays_with, str) else instrument.currency
        margin = available_margin(ledger, self._market)
        margin -= order_margin(ledger, self._market, pays_with, held)
        _require(cost * self._market.rate(currency, base) * INITIAL_MARGIN, margin, base, ledger)

    def _payment(self, request: OrderRequest, quantity: Decimal) -> Decimal:
        """The most that an order may pay; who sells a currency pays with that currency."""
        instrument = self._market.instrument(request.con_id)
        sells_pair = instrument.is_pair and request.side is Side.SELL
        return quantity if sells_pair else self._cost(request, quantity)

    def _cost(self, request: OrderRequest, quantity: Decimal) -> Decimal:
        """The most a trade may cost, commission included.

        Raises `ExchangeError` when there is nothing to value a market order with.
        """
        if not quantity:
            return ZERO
        instrument = self._market.instrument(request.con_id)
        price = request.limit_price
        if price is None:
            quote = self._market.quote(request.con_id)
            price = _worst_price(request, quote)
            slippage = self._books.slippage
            if price is not None and slippage.value:
                price = slippage.price(price, Side.BUY, quantity, quote.ask_size, instrument)
        if price is None:
            raise ExchangeError(
                Reason.NO_PRICE,
                f"{instrument.symbol} has no price to value a market order with; use a limit "
                "order or wait for a quote",
            )
        value = quantity * price * instrument.multiplier
        return value + self._books.commissions.charge(quantity, value)


def _short(request: OrderRequest, quantity: Decimal, ledger: Ledger, held: Decimal) -> Decimal:
    """How much of a sale no shares are left for, once other orders have sold what they offer."""
    offered = ledger.offered.get(request.con_id, ZERO) - held
    return quantity - max(ZERO, ledger.quantity(request.con_id) - offered)


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
