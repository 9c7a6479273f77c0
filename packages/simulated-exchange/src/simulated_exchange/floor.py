"""The floor, where orders arrive, wait, trade and end.

Comes in: orders that the desk has passed, quotes, entries of the agenda. Goes out: orders led on to
the market, to the next session or to their end. Never: a check of a client's request; that is the
desk's.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from .agenda import Action, Agenda, Entry
from .books import Books, Ticket
from .clock import Clock
from .desk import Desk
from .errors import ExchangeError, Reason
from .events import ChangeRefused, QuoteChanged
from .families import Families
from .feeds import Feeds
from .hours import TradingHours
from .market import Market
from .matcher import Matcher
from .orders import (
    INACTIVE,
    LOCATE,
    MARKET_CLOSED,
    PARENT,
    TRIGGER,
    Changes,
    OcaType,
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
        self,
        books: Books,
        clock: Clock,
        market: Market,
        desk: Desk,
        families: Families,
        outbox: Outbox,
    ) -> None:
        self._books = books
        self._clock = clock
        self._market = market
        self._desk = desk
        self._families = families
        self._outbox = outbox
        self.agenda = Agenda(clock, books.agenda, self._run)
        self.feeds = Feeds(books, clock, market, self.agenda, self.set_quote)
        self.register = Register(books, clock, desk, families, outbox, self.agenda)
        self._matcher = Matcher(books, clock, market, self.register, outbox, self._after_fill)

    def _run(self, entry: Entry) -> None:
        self.act(entry)
        self._outbox.deliver()

    def act(self, entry: Entry) -> None:
        """Do what an entry says. A request for an order that has ended meanwhile comes too late."""
        if entry.action is Action.STEP:
            self.feeds.step(entry.subject)
            return
        if entry.action is Action.PLAY:
            self.feeds.play(entry.subject)
            return
        ticket = self._books.tickets.get(entry.subject)
        if ticket is None:
            return
        match entry.action:
            case Action.ARRIVE:
                self._arrive(ticket)
            case Action.CANCEL:
                self._end(ticket, OrderState.CANCELLED)
            case Action.MODIFY if entry.changes is not None:
                self._modify(ticket, entry.changes)
            case Action.OPEN:
                self._open(ticket)
            case Action.CLOSE:
                self._close(ticket)
            case Action.SLICE:
                ticket.paced = False
                if ticket.sequence is not None:
                    self._matcher.match(ticket)

    # --- the life of an order ---------------------------------------------------------------

    def accept(self, order: Order) -> None:
        """Take a new order into the books; it has not arrived in the market yet."""
        self.register.accept(order)

    def withdraw(self, con_id: int) -> None:
        """Cancel every order of an instrument at once."""
        for order_id in list(self._books.tickets):
            # A parent's end may have taken its children along.
            ticket = self._books.tickets.get(order_id)
            if ticket and self.register.order(ticket).request.con_id == con_id:
                self._end(ticket, OrderState.CANCELLED)

    def announce_cancel(self, order_id: int) -> None:
        """Mark an order whose cancellation is on its way."""
        self.register.move(self._books.tickets[order_id], OrderState.PENDING_CANCEL)

    def _arrive(self, ticket: Ticket) -> None:
        request = self.register.order(ticket).request
        if self._hours(request).is_open(self._clock.now()):
            # A parent may have filled while its child travelled.
            if request.parent_id is None or self._is_still_allowed(ticket):
                self._start(ticket)
        elif request.time_in_force is TimeInForce.IOC:
            self._end(ticket, OrderState.CANCELLED)
        else:
            self.register.advance(ticket, OrderState.HELD, why_held=MARKET_CLOSED)
            self._await_open(ticket)

    def _open(self, ticket: Ticket) -> None:
        waited = self.register.order(ticket).why_held in (MARKET_CLOSED, PARENT, LOCATE)
        if not waited or self._is_still_allowed(ticket):
            self._start(ticket)

    def _start(self, ticket: Ticket) -> None:
        """Let an order take part in the session that runs, until it ends."""
        ticket.in_session = True
        self._enter(ticket)
        order = self.register.order(ticket)
        if order.is_done:
            return
        if session := self._hours(order.request).session_at(self._clock.now()):
            entry = Entry(due=session.closes, action=Action.CLOSE, subject=ticket.order_id)
            self.register.plan(ticket, entry)

    def _enter(self, ticket: Ticket) -> None:
        """Trade, or wait for what the order has to wait for."""
        order = self.register.order(ticket)
        if order.why_held == INACTIVE:
            return
        if self._families.awaits_parent(order.request):
            self.register.advance(ticket, OrderState.HELD, why_held=PARENT)
        elif self._desk.must_borrow(ticket, order):
            self._await_shares(ticket)
        elif order.awaits_trigger:
            self.register.advance(ticket, OrderState.HELD, why_held=TRIGGER)
            self.register.start_watching(ticket)
            self._observe(ticket)
        else:
            self._trade(ticket)

    def _await_shares(self, ticket: Ticket) -> None:
        if self.register.order(ticket).request.time_in_force is TimeInForce.IOC:
            self._end(ticket, OrderState.CANCELLED)
        else:
            self.register.advance(ticket, OrderState.HELD, why_held=LOCATE)

    def lend(self, con_id: int) -> None:
        """Let the short sales go on that waited for shares of an instrument."""
        for order_id in list(self._books.tickets):
            # A fill may have ended others of its group.
            ticket = self._books.tickets.get(order_id)
            order = self._books.orders[order_id]
            if ticket and order.request.con_id == con_id and order.why_held == LOCATE:
                self._release(ticket)

    def set_active(self, order_id: int, active: bool) -> None:
        """Take a live order out of the market, or let it go on if that was done to it."""
        ticket = self._books.tickets[order_id]
        order = self.register.order(ticket)
        if not active:
            self.register.leave(ticket)
            self.register.advance(ticket, OrderState.HELD, why_held=INACTIVE)
        elif order.why_held == INACTIVE:
            waits_for = "" if ticket.in_session else MARKET_CLOSED
            self.register.advance(ticket, OrderState.HELD, why_held=waits_for)
            self._release(ticket)

    def _release(self, ticket: Ticket) -> None:
        if ticket.in_session and self._is_still_allowed(ticket):
            self._enter(ticket)

    def fill_whole(self, order_id: int) -> None:
        """Fill the rest of an order at once. Raises `ExchangeError` if it does not work."""
        ticket = self._books.tickets.get(order_id)
        if ticket is None or ticket.sequence is None:
            raise ExchangeError(Reason.NOT_FILLABLE, f"order {order_id} does not work")
        self._matcher.fill_whole(ticket)

    def _trade(self, ticket: Ticket) -> None:
        """Enter the market: from here on the order may fill."""
        order = self.register.order(ticket)
        status = OrderState.PARTIALLY_FILLED if order.filled else OrderState.WORKING
        self.register.advance(
            ticket, status, why_held="", triggered=order.request.order_type.is_stop
        )
        self.register.enter_lane(ticket)
        self._matcher.match(ticket)
        order = self.register.order(ticket)
        if order.request.time_in_force is TimeInForce.IOC and not order.is_done:
            self._end(ticket, OrderState.CANCELLED)

    def _close(self, ticket: Ticket) -> None:
        ticket.in_session = False
        request = self.register.order(ticket).request
        if request.time_in_force is TimeInForce.DAY:
            self._end(ticket, OrderState.EXPIRED)
        else:
            self.register.leave(ticket)
            self._await_open(ticket)

    def _await_open(self, ticket: Ticket) -> None:
        request = self.register.order(ticket).request
        if opens := self._hours(request).next_open(self._clock.now()):
            entry = Entry(due=opens, action=Action.OPEN, subject=ticket.order_id)
            self.register.plan(ticket, entry)

    def _is_still_allowed(self, ticket: Ticket) -> bool:
        """Check an order again that has waited: prices and cash may have moved since it was taken.

        One that no longer fits is rejected; any other holds what it needs now.
        """
        order = self.register.order(ticket)
        try:
            self._desk.check(order.request, order.filled, ticket)
        except ExchangeError as refusal:
            self._end(ticket, OrderState.REJECTED, reject_reason=refusal.reason)
            return False
        self.register.hold_again(ticket)
        return True

    def _end(self, ticket: Ticket, status: OrderState, **changes: Any) -> None:
        """End an order that has not filled, and with it those that waited for it to fill."""
        order = self.register.move(ticket, status, **changes)
        for child in self._families.children(order):
            self._end(self._books.tickets[child], OrderState.CANCELLED)

    def _after_fill(self, order: Order, size: Decimal) -> None:
        """Tell an order's family of a fill of that size, which the order already contains."""
        for order_id in self._families.siblings(order):
            if sibling := self._books.tickets.get(order_id):
                self._shrink(sibling, order, size)
        if order.is_done:
            for order_id in self._families.children(order):
                # A child that fills at once may have ended the others.
                if child := self._books.tickets.get(order_id):
                    self._release(child)

    def _shrink(self, ticket: Ticket, filled: Order, size: Decimal) -> None:
        """Cancel or reduce an order whose sibling has filled that much."""
        order = self.register.order(ticket)
        rest = Decimal(0)
        if filled.request.oca_type is not OcaType.CANCEL:
            lot = self._market.instrument(order.request.con_id).lot_size
            rest = order.remaining * filled.remaining / (filled.remaining + size)
            rest -= rest % lot
        if rest:
            request = replace(order.request, quantity=order.filled + rest)
            self.register.move(ticket, order.status, request=request)
        else:
            self._end(ticket, OrderState.CANCELLED)

    def _modify(self, ticket: Ticket, changes: Changes) -> None:
        order = self.register.order(ticket)
        before, request = order.request, changes.apply(order.request)
        try:
            self._desk.check(request, order.filled, ticket)
        except ExchangeError as error:
            # Fills or other orders came first.
            refused = ChangeRefused(order=order, reason=error.reason, message=error.message)
            self._outbox.put(refused)
            return
        smaller = request.quantity <= before.quantity
        keeps_place = smaller and request == replace(before, quantity=request.quantity)
        sequence, watching = ticket.sequence, ticket.watching
        self.register.leave(ticket)
        self.register.move(
            ticket, order.status, request=request, stop_price=_stop_with(order, request)
        )
        if watching:
            self.register.start_watching(ticket)
            self._observe(ticket)
        if sequence is not None:
            self.register.enter_lane(ticket, sequence if keeps_place else None)
            self._matcher.match(ticket)
        if order.why_held == LOCATE:
            self._release(ticket)

    # --- quotes -----------------------------------------------------------------------------

    def set_quote(self, con_id: int, quote: Quote) -> None:
        """Make this the market: fill what it reaches, in price-time order, then look at stops."""
        before = self._market.quote(con_id)
        if quote.at is None:
            quote = replace(quote, at=self._clock.now())
        self._books.quotes[con_id] = quote
        self._books.liquidity[con_id] = {Side.BUY: quote.ask_size, Side.SELL: quote.bid_size}
        self._outbox.put(QuoteChanged(con_id=con_id, quote=quote))
        stops = self.register.watch.order_ids(con_id)
        for side in Side:
            for order_id in self.register.lanes.order_ids(con_id, side):
                # A fill may have ended others of its group.
                if ticket := self._books.tickets.get(order_id):
                    self._matcher.match(ticket, before)
        for order_id in stops:
            if (ticket := self._books.tickets.get(order_id)) and ticket.watching:
                self._observe(ticket)

    def _observe(self, ticket: Ticket) -> None:
        """Let a waiting stop follow the market, and trade if the market has reached it."""
        order = self.register.order(ticket)
        request, instrument = order.request, self._market.instrument(order.request.con_id)
        quote = self._market.quote(request.con_id)
        price = reference_price(request, quote, instrument)
        if price is None or quote.halted:
            return
        stop = stop_after(order, price, instrument)
        self.register.advance(ticket, order.status, stop_price=stop)
        reached = stop is not None and is_reached(request.side, stop, price)
        if reached and self._is_still_allowed(ticket):
            self.register.leave(ticket)
            self._trade(ticket)

    def match_all(self) -> None:
        """Try every order in the market again, after a change of policy."""
        for ticket in list(self._books.tickets.values()):
            if ticket.sequence is not None:
                self._matcher.match(ticket)

    def _hours(self, request: OrderRequest) -> TradingHours:
        return self._market.hours(request)


def _stop_with(order: Order, request: OrderRequest) -> Decimal | None:
    """Where the stop stands under new terms: a trailing one starts again when they change it."""
    before = order.request
    if order.triggered or all(
        getattr(before, name) == getattr(request, name)
        for name in ("stop_price", "trail_amount", "trail_percent")
    ):
        return order.stop_price
    return request.stop_price
