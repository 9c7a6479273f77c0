"""The floor, where orders arrive, wait, fill and end.

Comes in: tickets that the desk has admitted, quotes, the agenda's entries. Goes out: booked fills and
events. Never: a check of the client's request; that is the desk's.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from .agenda import Agenda, Entry
from .book import Book, Ticket, marketable_price
from .clock import Clock
from .desk import Desk
from .errors import ExchangeError, Reason
from .events import (
    AccountChanged,
    CommissionCharged,
    CommissionReport,
    Executed,
    Execution,
    Liquidity,
    OrderChanged,
    PositionChanged,
    QuoteChanged,
)
from .market import Market
from .orders import TRANSITIONS, Order, OrderState, OrderType, Side, TimeInForce
from .outbox import Outbox
from .policies import FillPolicy
from .quotes import Quote, RandomWalk

ZERO = Decimal(0)


class Floor:
    """The matching engine and its records."""

    def __init__(
        self, clock: Clock, market: Market, desk: Desk, outbox: Outbox, *, partial_fills: bool
    ) -> None:
        self._clock = clock
        self._market = market
        self._desk = desk
        self._outbox = outbox
        self.partial_fills = partial_fills
        self.agenda = Agenda(clock, self._run)
        self.book = Book()
        self.tickets: dict[int, Ticket] = {}
        self.orders: dict[int, Order] = {}
        self.executions: list[Execution] = []
        self.reports: dict[str, CommissionReport] = {}
        self.policy = FillPolicy()
        self.policies: dict[str, FillPolicy] = {}
        self.walks: dict[int, tuple[RandomWalk, int]] = {}
        self.sequence = 0
        self.exec_prefix = "0000e0d5"
        self.exec_count = 0x67FE667B

    # --- what the agenda does -------------------------------------------------------------

    def _run(self, entry: Entry) -> None:
        if entry.action == "step":
            self.step(*entry.arguments)
        else:
            order_id, *arguments = entry.arguments
            # The order may have ended while the request was on its way: it then comes too late.
            if ticket := self.tickets.get(order_id):
                self.act(entry.action, ticket, *arguments)
        self._outbox.deliver()

    def act(self, action: str, ticket: Ticket, *arguments: Any) -> None:
        match action:
            case "arrive":
                self._arrive(ticket)
            case "cancel":
                self.end(ticket, OrderState.CANCELLED)
            case "modify":
                self._modify(ticket, *arguments)
            case "open":
                self._open(ticket)
            case "close":
                self._close(ticket)
            case "slice":
                ticket.paced = False
                self._fill_what_can(ticket)

    def _arrive(self, ticket: Ticket) -> None:
        request, now = ticket.order.request, self._clock.now()
        hours = ticket.instrument
        sessions = hours.trading_hours if request.outside_rth else hours.liquid_hours
        session = sessions.session_at(now)
        if session is None:
            if request.time_in_force is TimeInForce.IOC:
                self.end(ticket, OrderState.CANCELLED)
                return
            self._move(ticket, OrderState.HELD, why_held="market closed")
            self._wait_for_open(ticket)
            return
        self._trade(ticket)

    def _wait_for_open(self, ticket: Ticket) -> None:
        request = ticket.order.request
        hours = ticket.instrument
        sessions = hours.trading_hours if request.outside_rth else hours.liquid_hours
        opens = sessions.next_open(self._clock.now())
        if opens is not None:
            ticket.timers.append(self.agenda.at(opens, "open", request and ticket.order.order_id))

    def _open(self, ticket: Ticket) -> None:
        order = ticket.order
        if order.status is OrderState.HELD or order.why_held:
            try:
                self._desk.check_means(
                    order.request, order.remaining, ticket.instrument, ticket.ledger, ticket.hold
                )
            except ExchangeError as refusal:
                self.end(ticket, OrderState.REJECTED, reject_reason=refusal.reason)
                return
        self._trade(ticket)

    def _trade(self, ticket: Ticket) -> None:
        """Enter the book: from here on the order may fill."""
        if ticket.order.status in (OrderState.PENDING, OrderState.HELD):
            self._move(ticket, OrderState.WORKING, why_held="")
        self.sequence += 1
        self.book.add(ticket, self.sequence)
        self._fill_what_can(ticket)
        if ticket.order.is_done:
            return
        if ticket.order.request.time_in_force is TimeInForce.IOC:
            self.end(ticket, OrderState.CANCELLED)
            return
        request = ticket.order.request
        hours = ticket.instrument
        sessions = hours.trading_hours if request.outside_rth else hours.liquid_hours
        session = sessions.session_at(self._clock.now())
        if session is not None:
            ticket.timers.append(self.agenda.at(session.closes, "close", ticket.order.order_id))

    def _close(self, ticket: Ticket) -> None:
        if ticket.order.request.time_in_force is TimeInForce.DAY:
            self.end(ticket, OrderState.EXPIRED)
            return
        self.book.remove(ticket)
        self._wait_for_open(ticket)

    def _modify(self, ticket: Ticket, quantity: Decimal, limit_price: Decimal | None) -> None:
        order = ticket.order
        if quantity <= order.filled:
            return
        before = order.request
        request = replace(before, quantity=quantity, limit_price=limit_price)
        in_book = ticket.key is not None
        self.book.remove(ticket)
        self._move(ticket, order.status, request=request)
        self._desk.hold(ticket, ticket.order.remaining)
        if in_book:
            self.sequence += 1
            self.book.add(ticket, self.sequence)
            self._fill_what_can(ticket)

    # --- quotes ---------------------------------------------------------------------------

    def set_quote(self, con_id: int, quote: Quote) -> None:
        before = self._market.quote(con_id)
        if quote.at is None:
            quote = replace(quote, at=self._clock.now())
        self._market.quotes[con_id] = quote
        self.book.refresh(con_id, quote)
        self._outbox.put(QuoteChanged(con_id=con_id, quote=quote))
        for side in Side:
            for ticket in self.book.lane(con_id, side).in_order():
                self._fill_what_can(ticket, before)

    def step(self, con_id: int) -> None:
        walk, number = self.walks[con_id]
        instrument, now = self._market.instrument(con_id), self._clock.now()
        quote = walk.step(
            self._market.quote(con_id), instrument.symbol, instrument.min_tick, number, now
        )
        self.walks[con_id] = (walk, number + 1)
        self.schedule_step(con_id)
        self.set_quote(con_id, quote)

    def schedule_step(self, con_id: int) -> None:
        from datetime import timedelta

        walk, _ = self.walks[con_id]
        self.agenda.at(self._clock.now() + timedelta(seconds=walk.interval), "step", con_id)

    def match_all(self) -> None:
        """Try every order in the book again, after a change of policy."""
        for ticket in list(self.tickets.values()):
            if ticket.key is not None:
                self._fill_what_can(ticket)

    # --- fills ----------------------------------------------------------------------------

    def _fill_what_can(self, ticket: Ticket, before: Quote | None = None) -> None:
        """Fill an order in the book as far as quote, liquidity and policy allow.

        `before` is the quote that the order rested against; a limit order that it did not reach
        is now hit where it stands, at its limit.
        """
        order, request = ticket.order, ticket.order.request
        if ticket.paced:
            return
        price = marketable_price(order, self._market.quote(request.con_id))
        if price is None:
            return
        liquidity = Liquidity.REMOVED
        if before is not None and request.order_type is OrderType.LMT:
            if marketable_price(order, before) is None and request.limit_price is not None:
                price, liquidity = request.limit_price, Liquidity.ADDED
        policy = self.policies.get(ticket.instrument.symbol, self.policy)
        lane = self.book.lane(request.con_id, request.side)
        while not ticket.order.is_done:
            size = policy.size(ticket.fills, ticket.order.remaining)
            if self.partial_fills:
                size = min(size, lane.liquidity)
            if size <= 0:
                return
            lane.liquidity -= size
            self._fill(ticket, size, price, liquidity)
            if policy.gap and not ticket.order.is_done:
                self._pace(ticket, policy)
                return

    def _pace(self, ticket: Ticket, policy: FillPolicy) -> None:
        from datetime import timedelta

        ticket.paced = True
        due = self._clock.now() + timedelta(seconds=policy.gap)
        ticket.timers.append(self.agenda.at(due, "slice", ticket.order.order_id))

    def _fill(self, ticket: Ticket, size: Decimal, price: Decimal, liquidity: Liquidity) -> None:
        """Book one fill: shares, cash, commission, records, events."""
        order, instrument, now = ticket.order, ticket.instrument, self._clock.now()
        request = order.request
        filled = order.filled + size
        filled_value = order.filled_value + size * price
        charge = self._desk.commissions.charge(filled, filled_value * instrument.multiplier)
        commission = charge - ticket.commission
        ticket.commission, ticket.fills = charge, ticket.fills + 1
        execution = Execution(
            exec_id=self._next_exec_id(),
            order_id=order.order_id,
            request=request,
            quantity=size,
            price=price,
            at=now,
            cumulative_quantity=filled,
            average_price=filled_value / filled,
            liquidity=liquidity,
        )
        signed = size if request.side is Side.BUY else -size
        value = signed * price * instrument.multiplier
        holding, realized = ticket.ledger.book(
            request.con_id, instrument.currency, signed, value, commission, now
        )
        report = CommissionReport(
            exec_id=execution.exec_id,
            commission=commission,
            currency=instrument.currency,
            realized_pnl=realized,
        )
        self.executions.append(execution)
        self.reports[execution.exec_id] = report
        put = self._outbox.put
        put(Executed(execution=execution))
        put(
            PositionChanged(
                account_id=request.account_id,
                con_id=request.con_id,
                quantity=holding.quantity,
                average_cost=holding.average_cost,
                at=now,
            )
        )
        put(
            AccountChanged(
                account_id=request.account_id,
                currency=instrument.currency,
                cash=ticket.ledger.cash[instrument.currency],
                at=now,
            )
        )
        changes = {"filled": filled, "filled_value": filled_value, "last_fill_price": price}
        if filled == request.quantity:
            self.end(ticket, OrderState.FILLED, **changes)
        else:
            pending = order.status is OrderState.PENDING_CANCEL
            status = OrderState.PENDING_CANCEL if pending else OrderState.PARTIALLY_FILLED
            self._move(ticket, status, **changes)
            self._desk.hold(ticket, ticket.order.remaining)
        put(CommissionCharged(execution=execution, report=report))

    def _next_exec_id(self) -> str:
        self.exec_count += 1
        return f"{self.exec_prefix}.{self.exec_count:08x}.01.01"

    # --- states ---------------------------------------------------------------------------

    def _move(self, ticket: Ticket, status: OrderState, **changes: Any) -> None:
        order = ticket.order
        if status is not order.status and status not in TRANSITIONS[order.status]:
            raise AssertionError(f"order {order.order_id}: {order.status} cannot become {status}")
        changed = replace(order, status=status, updated_at=self._clock.now(), **changes)
        ticket.order = self.orders[order.order_id] = changed
        self._outbox.put(OrderChanged(order=changed))

    def ask_to_cancel(self, ticket: Ticket) -> None:
        self._move(ticket, OrderState.PENDING_CANCEL)

    def end(self, ticket: Ticket, status: OrderState, **changes: Any) -> None:
        """Take an order out of the market for good."""
        self.book.remove(ticket)
        self._desk.hold(ticket, ZERO)
        for timer in ticket.timers:
            self.agenda.cancel(timer)
        del self.tickets[ticket.order.order_id]
        self._move(ticket, status, **changes)
