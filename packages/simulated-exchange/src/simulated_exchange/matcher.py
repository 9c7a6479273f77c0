"""Where orders meet quotes.

Comes in: an order in the market. Goes out: fills, booked and told of, as far as quote, liquidity
and policy allow. Never: an order's way into the market or out of it without a fill.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from .agenda import Action, Entry
from .books import Books, Ticket
from .clerk import book_fill
from .clock import Clock
from .errors import ExchangeError, Reason
from .events import Liquidity
from .lanes import marketable_price, resting_price
from .market import Market
from .orders import Order, OrderState, OrderType, Side
from .outbox import Outbox
from .quotes import Quote
from .register import Register


class Matcher:
    """Fills orders one at a time; who is first is the floor's business."""

    def __init__(
        self,
        books: Books,
        clock: Clock,
        market: Market,
        register: Register,
        outbox: Outbox,
        filled: Callable[[Order, Decimal], None],
    ) -> None:
        """`filled` hears of every fill at once: the order after it and the size."""
        self._books = books
        self._clock = clock
        self._market = market
        self._register = register
        self._outbox = outbox
        self._filled = filled

    def match(self, ticket: Ticket, before: Quote | None = None) -> None:
        """Fill an order as far as possible.

        `before` is the quote that the order has rested against. A limit order that it did not reach
        is hit where it stands: it trades at its limit and adds liquidity.
        """
        order = self._register.order(ticket)
        request = order.request
        quote = self._market.quote(request.con_id)
        price = marketable_price(order, quote)
        if price is None or quote.halted or ticket.paced:
            return
        liquidity = Liquidity.REMOVED
        if before is not None and marketable_price(order, before) is None:
            shown = resting_price(order)
            if shown is not None:
                price, liquidity = shown, Liquidity.ADDED
        policy = self._books.fill_policy_of(request)
        while not order.is_done:
            size = policy.size(ticket.fills, order.remaining)
            if self._books.partial_fills:
                size = min(size, self._books.liquidity[request.con_id][request.side])
            if size <= 0:
                return
            paid = price
            if self._books.slippage.value and liquidity is Liquidity.REMOVED:
                paid = self._slipped(order, price, size)
            self._books.liquidity[request.con_id][request.side] -= size
            order = self._fill(ticket, size, paid, liquidity)
            if policy.gap and not order.is_done:
                ticket.paced = True
                due = self._clock.now() + timedelta(seconds=policy.gap)
                entry = Entry(due=due, action=Action.SLICE, subject=ticket.order_id)
                self._register.plan(ticket, entry)
                return

    def fill_whole(self, ticket: Ticket) -> None:
        """Fill the rest of an order, whatever quote and policy say: at its limit or at the market.

        Raises `ExchangeError` when there is no price at all.
        """
        order = self._register.order(ticket)
        con_id = order.request.con_id
        quote = self._market.quote(con_id)
        taken = quote.ask if order.request.side is Side.BUY else quote.bid
        price = order.limit_price or taken or quote.mark
        if price is None:
            symbol = self._market.instrument(con_id).symbol
            raise ExchangeError(Reason.NO_PRICE, f"{symbol} has no price to fill an order at")
        liquidity = Liquidity.REMOVED if order.limit_price is None else Liquidity.ADDED
        self._fill(ticket, order.remaining, price, liquidity)

    def _slipped(self, order: Order, quoted: Decimal, size: Decimal) -> Decimal:
        """What an order pays for taking liquidity: the quote and the slippage, up to its limit."""
        request, limit = order.request, order.limit_price
        if request.order_type is OrderType.MIDPRICE:
            return quoted
        quote, buys = self._market.quote(request.con_id), request.side is Side.BUY
        price = self._books.slippage.price(
            quoted,
            request.side,
            size,
            quote.ask_size if buys else quote.bid_size,
            self._market.instrument(request.con_id),
        )
        if limit is None:
            return price
        return min(price, limit) if buys else max(price, limit)

    def _fill(self, ticket: Ticket, size: Decimal, price: Decimal, liquidity: Liquidity) -> Order:
        """Book one fill and tell of it, the commission last as brokers do."""
        order = self._register.order(ticket)
        request = order.request
        filled, filled_value = order.filled + size, order.filled_value + size * price
        *facts, charged = book_fill(self._books, ticket, size, price, liquidity, self._clock.now())
        for fact in facts:
            self._outbox.put(fact)
        if filled == request.quantity:
            status = OrderState.FILLED
        elif order.status is OrderState.PENDING_CANCEL:
            status = OrderState.PENDING_CANCEL
        else:
            status = OrderState.PARTIALLY_FILLED
        changed = self._register.move(
            ticket, status, filled=filled, filled_value=filled_value, last_fill_price=price
        )
        self._outbox.put(charged)
        self._filled(changed, size)
        return changed
