"""The floor, where orders arrive, wait, trade and end.

Comes in: orders that the desk has passed, quotes, entries of the agenda. Goes out: fills for the
clerk to book, changed orders, events. Never: a check of a client's request; that is the desk's.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from .agenda import Action, Agenda, Entry
from .books import Books, Ticket
from .clerk import book_fill
from .clock import Clock
from .desk import Desk
from .errors import ExchangeError
from .events import Liquidity, OrderChanged, QuoteChanged
from .hours import TradingHours
from .lanes import Lanes, marketable_price
from .market import Market
from .orders import TRANSITIONS, Order, OrderRequest, OrderState, Side, TimeInForce
from .outbox import Outbox
from .quotes import Quote

ZERO = Decimal(0)


class Floor:
    """Moves orders through their states. It is the only writer of orders and tickets."""

    def __init__(
        self, books: Books, clock: Clock, market: Market, desk: Desk, outbox: Outbox
    ) -> None:
        self._books = books
        self._clock = clock
        self._market = market
        self._desk = desk
        self._outbox = outbox
        self._lanes = Lanes()
        for ticket in books.tickets.values():
            if ticket.sequence is not None:
                self._lanes.add(books.orders[ticket.order_id], ticket.sequence)
        self.agenda = Agenda(clock, books.agenda, self._run)

    def _run(self, entry: Entry) -> None:
        self.act(entry)
        self._outbox.deliver()

    def act(self, entry: Entry) -> None:
        """Do what an entry says. A request for an order that has ended meanwhile comes too late."""
        if entry.action is Action.STEP:
            self._step(entry.subject)
            return
        ticket = self._books.tickets.get(entry.subject)
        if ticket is None:
            return
        match entry.action:
            case Action.ARRIVE:
                self._arrive(ticket)
            case Action.CANCEL:
                self._move(ticket, OrderState.CANCELLED)
            case Action.MODIFY:
                self._modify(ticket, entry)
            case Action.OPEN:
                self._open(ticket)
            case Action.CLOSE:
                self._close(ticket)
            case Action.SLICE:
                ticket.paced = False
                self._match(ticket)

    # --- the life of an order ---------------------------------------------------------------

    def accept(self, order: Order) -> None:
        """Take a new order into the books; it has not arrived in the market yet."""
        ticket = Ticket(order.order_id)
        self._books.orders[order.order_id] = order
        self._books.tickets[order.order_id] = ticket
        self._desk.hold(ticket, order)

    def announce_cancel(self, order_id: int) -> None:
        """Mark an order whose cancellation is on its way."""
        self._move(self._books.tickets[order_id], OrderState.PENDING_CANCEL)

    def _arrive(self, ticket: Ticket) -> None:
        order = self._books.orders[ticket.order_id]
        if self._hours(order.request).is_open(self._clock.now()):
            self._trade(ticket)
        elif order.request.time_in_force is TimeInForce.IOC:
            self._move(ticket, OrderState.CANCELLED)
        else:
            self._advance(ticket, OrderState.HELD, why_held="market closed")
            self._await_open(ticket)

    def _open(self, ticket: Ticket) -> None:
        order = self._books.orders[ticket.order_id]
        if order.why_held:
            # Prices and cash may have moved since the order was taken.
            try:
                self._desk.check(order.request, order.filled, ticket.hold)
            except ExchangeError as refusal:
                self._move(ticket, OrderState.REJECTED, reject_reason=refusal.reason)
                return
        self._trade(ticket)

    def _trade(self, ticket: Ticket) -> None:
        """Enter the market: from here on the order may fill, until the session ends."""
        self._advance(ticket, OrderState.WORKING, why_held="")
        self._enter_lane(ticket)
        self._match(ticket)
        order = self._books.orders[ticket.order_id]
        if order.is_done:
            return
        if order.request.time_in_force is TimeInForce.IOC:
            self._move(ticket, OrderState.CANCELLED)
        elif session := self._hours(order.request).session_at(self._clock.now()):
            self._plan(
                ticket, Entry(due=session.closes, action=Action.CLOSE, subject=ticket.order_id)
            )

    def _close(self, ticket: Ticket) -> None:
        order = self._books.orders[ticket.order_id]
        if order.request.time_in_force is TimeInForce.DAY:
            self._move(ticket, OrderState.EXPIRED)
        else:
            self._leave_lane(ticket)
            self._await_open(ticket)

    def _await_open(self, ticket: Ticket) -> None:
        request = self._books.orders[ticket.order_id].request
        if opens := self._hours(request).next_open(self._clock.now()):
            self._plan(ticket, Entry(due=opens, action=Action.OPEN, subject=ticket.order_id))

    def _modify(self, ticket: Ticket, entry: Entry) -> None:
        order = self._books.orders[ticket.order_id]
        before = order.request
        request = replace(before, quantity=entry.quantity, limit_price=entry.limit_price)
        try:
            self._desk.check(request, order.filled, ticket.hold)
        except ExchangeError:
            # Fills or other orders came first; the order goes on as it was.
            return
        smaller = request.quantity <= before.quantity
        keeps_place = smaller and request.limit_price == before.limit_price
        in_market, sequence = ticket.sequence is not None, ticket.sequence
        self._leave_lane(ticket)
        self._move(ticket, order.status, request=request)
        if in_market:
            self._enter_lane(ticket, sequence if keeps_place else None)
            self._match(ticket)

    # --- quotes -----------------------------------------------------------------------------

    def set_quote(self, con_id: int, quote: Quote) -> None:
        """Make this the market and fill what it reaches, in price-time order."""
        before = self._market.quote(con_id)
        if quote.at is None:
            quote = replace(quote, at=self._clock.now())
        self._books.quotes[con_id] = quote
        self._books.liquidity[con_id] = {Side.BUY: quote.ask_size, Side.SELL: quote.bid_size}
        self._outbox.put(QuoteChanged(con_id=con_id, quote=quote))
        for side in Side:
            for order_id in self._lanes.order_ids(con_id, side):
                self._match(self._books.tickets[order_id], before)

    def plan_step(self, con_id: int) -> None:
        """Put the next step of an instrument's walk on the agenda."""
        interval = timedelta(seconds=self._books.walks[con_id].walk.interval)
        due = self._clock.now() + interval
        entry = Entry(due=due, action=Action.STEP, subject=con_id)
        self._books.walks[con_id].entry = self.agenda.add(entry)

    def _step(self, con_id: int) -> None:
        walking = self._books.walks[con_id]
        quote = walking.walk.step(
            self._market.quote(con_id),
            instrument=self._market.instrument(con_id),
            number=walking.number,
            at=self._clock.now(),
        )
        walking.number += 1
        self.plan_step(con_id)
        self.set_quote(con_id, quote)

    def match_all(self) -> None:
        """Try every order in the market again, after a change of policy."""
        for ticket in list(self._books.tickets.values()):
            if ticket.sequence is not None:
                self._match(ticket)

    # --- fills ------------------------------------------------------------------------------

    def _match(self, ticket: Ticket, before: Quote | None = None) -> None:
        """Fill an order as far as quote, liquidity and policy allow.

        `before` is the quote that the order has rested against. A limit order that it did not reach
        is hit where it stands: it trades at its limit and adds liquidity.
        """
        order = self._books.orders[ticket.order_id]
        request = order.request
        quote = self._market.quote(request.con_id)
        price = marketable_price(order, quote)
        if price is None or quote.halted or ticket.paced:
            return
        liquidity = Liquidity.REMOVED
        rested = before is not None and marketable_price(order, before) is None
        if rested and request.limit_price is not None:
            price, liquidity = request.limit_price, Liquidity.ADDED
        symbol = self._market.instrument(request.con_id).symbol
        policy = self._books.fill_policies.get(symbol, self._books.fill_policy)
        while not order.is_done:
            size = policy.size(ticket.fills, order.remaining)
            if self._books.partial_fills:
                size = min(size, self._books.liquidity[request.con_id][request.side])
            if size <= 0:
                return
            order = self._fill(ticket, size, price, liquidity)
            if policy.gap and not order.is_done:
                ticket.paced = True
                due = self._clock.now() + timedelta(seconds=policy.gap)
                self._plan(ticket, Entry(due=due, action=Action.SLICE, subject=ticket.order_id))
                return

    def _fill(self, ticket: Ticket, size: Decimal, price: Decimal, liquidity: Liquidity) -> Order:
        """Book one fill and tell of it, the commission last as brokers do."""
        order = self._books.orders[ticket.order_id]
        request = order.request
        self._books.liquidity[request.con_id][request.side] -= size
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
        changed = self._move(
            ticket, status, filled=filled, filled_value=filled_value, last_fill_price=price
        )
        self._outbox.put(charged)
        return changed

    # --- bookkeeping ------------------------------------------------------------------------

    def _hours(self, request: OrderRequest) -> TradingHours:
        instrument = self._market.instrument(request.con_id)
        return instrument.trading_hours if request.outside_rth else instrument.liquid_hours

    def _plan(self, ticket: Ticket, entry: Entry) -> None:
        ticket.entries.append(self.agenda.add(entry))

    def _enter_lane(self, ticket: Ticket, sequence: int | None = None) -> None:
        if sequence is None:
            self._books.last_sequence += 1
            sequence = self._books.last_sequence
        ticket.sequence = sequence
        self._lanes.add(self._books.orders[ticket.order_id], sequence)

    def _leave_lane(self, ticket: Ticket) -> None:
        if ticket.sequence is not None:
            self._lanes.remove(self._books.orders[ticket.order_id], ticket.sequence)
            ticket.sequence = None

    def _advance(self, ticket: Ticket, status: OrderState, **changes: Any) -> None:
        """Move on, unless the order is there already or keeps waiting for its cancellation."""
        order = self._books.orders[ticket.order_id]
        if order.status not in (OrderState.PENDING_CANCEL, status):
            self._move(ticket, status, **changes)

    def _move(self, ticket: Ticket, status: OrderState, **changes: Any) -> Order:
        """Write an order's next state, what it ties up now, and the event."""
        order = self._books.orders[ticket.order_id]
        if status is not order.status and status not in TRANSITIONS[order.status]:
            raise AssertionError(f"order {order.order_id}: {order.status} cannot become {status}")
        changed = replace(order, status=status, updated_at=self._clock.now(), **changes)
        if changed.is_done:
            self._leave_lane(ticket)
            for number in ticket.entries:
                self.agenda.cancel(number)
            del self._books.tickets[ticket.order_id]
        self._books.orders[ticket.order_id] = changed
        if (
            order.filled != changed.filled
            or order.request is not changed.request
            or changed.is_done
        ):
            self._desk.hold(ticket, changed)
        self._outbox.put(OrderChanged(order=changed))
        return changed
