"""The floor, where orders arrive, wait, trade and end.

Comes in: orders that the desk has passed, quotes, entries of the agenda. Goes out: orders led on to
the market, to the next session or to their end. Never: a check of a client's request; that is the
desk's.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from .agenda import Action, Agenda, Entry
from .books import Books, Ticket
from .clock import Clock
from .desk import Desk
from .errors import ExchangeError
from .events import QuoteChanged
from .hours import TradingHours
from .market import Market
from .matcher import Matcher
from .orders import (
    MARKET_CLOSED,
    TRIGGER,
    Order,
    OrderRequest,
    OrderState,
    Side,
    TimeInForce,
)
from .outbox import Outbox
from .quotes import Quote
from .register import Register
from .triggers import is_reached, reference_price, stop_after


class Floor:
    """Leads every order from its arrival to its end."""

    def __init__(
        self, books: Books, clock: Clock, market: Market, desk: Desk, outbox: Outbox
    ) -> None:
        self._books = books
        self._clock = clock
        self._market = market
        self._desk = desk
        self._outbox = outbox
        self.agenda = Agenda(clock, books.agenda, self._run)
        self._register = Register(books, clock, desk, outbox, self.agenda)
        self._matcher = Matcher(books, clock, market, self._register, outbox)

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
                self._register.move(ticket, OrderState.CANCELLED)
            case Action.MODIFY if entry.terms is not None:
                self._modify(ticket, entry.terms)
            case Action.OPEN:
                self._open(ticket)
            case Action.CLOSE:
                self._close(ticket)
            case Action.SLICE:
                ticket.paced = False
                self._matcher.match(ticket)

    # --- the life of an order ---------------------------------------------------------------

    def accept(self, order: Order) -> None:
        """Take a new order into the books; it has not arrived in the market yet."""
        self._register.accept(order)

    def announce_cancel(self, order_id: int) -> None:
        """Mark an order whose cancellation is on its way."""
        self._register.move(self._books.tickets[order_id], OrderState.PENDING_CANCEL)

    def _arrive(self, ticket: Ticket) -> None:
        request = self._register.order(ticket).request
        if self._hours(request).is_open(self._clock.now()):
            self._start(ticket)
        elif request.time_in_force is TimeInForce.IOC:
            self._register.move(ticket, OrderState.CANCELLED)
        else:
            self._register.advance(ticket, OrderState.HELD, why_held=MARKET_CLOSED)
            self._await_open(ticket)

    def _open(self, ticket: Ticket) -> None:
        order = self._register.order(ticket)
        if order.why_held != MARKET_CLOSED or self._is_still_allowed(ticket):
            self._start(ticket)

    def _start(self, ticket: Ticket) -> None:
        """Let an order take part in the session that runs, until it ends."""
        if self._register.order(ticket).awaits_trigger:
            self._register.advance(ticket, OrderState.HELD, why_held=TRIGGER)
            self._register.start_watching(ticket)
            self._observe(ticket)
        else:
            self._trade(ticket)
        order = self._register.order(ticket)
        session = self._hours(order.request).session_at(self._clock.now())
        if session and not order.is_done:
            entry = Entry(due=session.closes, action=Action.CLOSE, subject=ticket.order_id)
            self._register.plan(ticket, entry)

    def _trade(self, ticket: Ticket) -> None:
        """Enter the market: from here on the order may fill."""
        order = self._register.order(ticket)
        status = OrderState.PARTIALLY_FILLED if order.filled else OrderState.WORKING
        self._register.advance(
            ticket, status, why_held="", triggered=order.request.order_type.is_stop
        )
        self._register.enter_lane(ticket)
        self._matcher.match(ticket)
        order = self._register.order(ticket)
        if order.request.time_in_force is TimeInForce.IOC and not order.is_done:
            self._register.move(ticket, OrderState.CANCELLED)

    def _close(self, ticket: Ticket) -> None:
        request = self._register.order(ticket).request
        if request.time_in_force is TimeInForce.DAY:
            self._register.move(ticket, OrderState.EXPIRED)
        else:
            self._register.leave(ticket)
            self._await_open(ticket)

    def _await_open(self, ticket: Ticket) -> None:
        request = self._register.order(ticket).request
        if opens := self._hours(request).next_open(self._clock.now()):
            entry = Entry(due=opens, action=Action.OPEN, subject=ticket.order_id)
            self._register.plan(ticket, entry)

    def _is_still_allowed(self, ticket: Ticket) -> bool:
        """Check an order again that has waited: prices and cash may have moved since it was taken.

        One that no longer fits is rejected.
        """
        order = self._register.order(ticket)
        try:
            self._desk.check(order.request, order.filled, ticket.hold)
        except ExchangeError as refusal:
            self._register.move(ticket, OrderState.REJECTED, reject_reason=refusal.reason)
            return False
        return True

    def _modify(self, ticket: Ticket, request: OrderRequest) -> None:
        order = self._register.order(ticket)
        before = order.request
        try:
            self._desk.check(request, order.filled, ticket.hold)
        except ExchangeError:
            # Fills or other orders came first; the order goes on as it was.
            return
        smaller = request.quantity <= before.quantity
        keeps_place = smaller and request == replace(before, quantity=request.quantity)
        sequence, watching = ticket.sequence, ticket.watching
        self._register.leave(ticket)
        self._register.move(
            ticket, order.status, request=request, stop_price=_stop_with(order, request)
        )
        if watching:
            self._register.start_watching(ticket)
            self._observe(ticket)
        if sequence is not None:
            self._register.enter_lane(ticket, sequence if keeps_place else None)
            self._matcher.match(ticket)

    # --- quotes -----------------------------------------------------------------------------

    def set_quote(self, con_id: int, quote: Quote) -> None:
        """Make this the market: fill what it reaches, in price-time order, then look at stops."""
        before = self._market.quote(con_id)
        if quote.at is None:
            quote = replace(quote, at=self._clock.now())
        self._books.quotes[con_id] = quote
        self._books.liquidity[con_id] = {Side.BUY: quote.ask_size, Side.SELL: quote.bid_size}
        self._outbox.put(QuoteChanged(con_id=con_id, quote=quote))
        stops = self._register.watch.order_ids(con_id)
        for side in Side:
            for order_id in self._register.lanes.order_ids(con_id, side):
                self._matcher.match(self._books.tickets[order_id], before)
        for order_id in stops:
            self._observe(self._books.tickets[order_id])

    def _observe(self, ticket: Ticket) -> None:
        """Let a waiting stop follow the market, and trade if the market has reached it."""
        order = self._register.order(ticket)
        request, instrument = order.request, self._market.instrument(order.request.con_id)
        quote = self._market.quote(request.con_id)
        price = reference_price(request, quote, instrument)
        if price is None or quote.halted:
            return
        stop = stop_after(order, price, instrument.min_tick)
        self._register.advance(ticket, order.status, stop_price=stop)
        reached = stop is not None and is_reached(request.side, stop, price)
        if reached and self._is_still_allowed(ticket):
            self._register.leave(ticket)
            self._trade(ticket)

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
                self._matcher.match(ticket)

    def _hours(self, request: OrderRequest) -> TradingHours:
        instrument = self._market.instrument(request.con_id)
        return instrument.trading_hours if request.outside_rth else instrument.liquid_hours


def _stop_with(order: Order, request: OrderRequest) -> Decimal | None:
    """Where the stop stands under new terms: a trailing one starts again when they change it."""
    before = order.request
    if order.triggered or all(
        getattr(before, name) == getattr(request, name)
        for name in ("stop_price", "trail_amount", "trail_percent")
    ):
        return order.stop_price
    return request.stop_price
