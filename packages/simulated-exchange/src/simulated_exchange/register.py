"""The register of live orders: the one place where an order changes its state.

Comes in: a ticket and a state. Goes out: the order's next value, what it ties up, the event. Never:
a decision that an order should change.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from .agenda import Agenda, Entry
from .books import Books, Ticket
from .clock import Clock
from .desk import Desk
from .events import OrderChanged
from .families import Families
from .lanes import Lanes, Watch
from .orders import TRANSITIONS, Order, OrderState
from .outbox import Outbox


class Register:
    """The only writer of orders and tickets, and of the lanes and the watch that follow them."""

    def __init__(
        self,
        books: Books,
        clock: Clock,
        desk: Desk,
        families: Families,
        outbox: Outbox,
        agenda: Agenda,
    ) -> None:
        self._books = books
        self._clock = clock
        self._desk = desk
        self._families = families
        self._outbox = outbox
        self._agenda = agenda
        self.lanes = Lanes()
        self.watch = Watch()
        for ticket in books.tickets.values():
            if ticket.sequence is not None:
                self.lanes.add(self.order(ticket), ticket.sequence)
            if ticket.watching:
                self.watch.add(self.order(ticket))

    def order(self, ticket: Ticket) -> Order:
        return self._books.orders[ticket.order_id]

    def accept(self, order: Order) -> None:
        """Take a new order into the books; it has not arrived in the market yet."""
        ticket = Ticket(order.order_id)
        self._books.orders[order.order_id] = order
        self._books.tickets[order.order_id] = ticket
        self._families.add(order)
        self._desk.hold(ticket, order)

    def hold_again(self, ticket: Ticket) -> None:
        """Tie up what the order needs now that prices, or its own standing, have changed."""
        self._desk.hold(ticket, self.order(ticket))

    def restate(self, order: Order, quantity: Decimal, value: Decimal) -> None:
        """Write what an order has filled after a correction; one that ended stays as it ended."""
        if ticket := self._books.tickets.get(order.order_id):
            self.move(ticket, order.status, filled=quantity, filled_value=value)
            return
        changed = replace(order, filled=quantity, filled_value=value, updated_at=self._clock.now())
        self._books.orders[order.order_id] = changed
        self._outbox.put(OrderChanged(order=changed))

    def plan(self, ticket: Ticket, entry: Entry) -> None:
        """Put an entry on the agenda that ends with the order."""
        ticket.entries.append(self._agenda.add(entry))

    def enter_lane(self, ticket: Ticket, sequence: int | None = None) -> None:
        if sequence is None:
            self._books.last_sequence += 1
            sequence = self._books.last_sequence
        ticket.sequence = sequence
        self.lanes.add(self.order(ticket), sequence)

    def start_watching(self, ticket: Ticket) -> None:
        ticket.watching = True
        self.watch.add(self.order(ticket))

    def leave(self, ticket: Ticket) -> None:
        """Take an order out of its lane or off the watch."""
        if ticket.sequence is not None:
            self.lanes.remove(self.order(ticket), ticket.sequence)
            ticket.sequence = None
        if ticket.watching:
            self.watch.remove(self.order(ticket))
            ticket.watching = False

    def advance(self, ticket: Ticket, status: OrderState, **changes: Any) -> None:
        """Move on, unless the order is there already; a pending cancellation stays pending."""
        order = self.order(ticket)
        if order.status is OrderState.PENDING_CANCEL:
            status = order.status
        news = any(getattr(order, name) != value for name, value in changes.items())
        if news or status is not order.status:
            self.move(ticket, status, **changes)

    def move(self, ticket: Ticket, status: OrderState, **changes: Any) -> Order:
        """Write an order's next state, what it ties up now, and the event."""
        order = self.order(ticket)
        if status is not order.status and status not in TRANSITIONS[order.status]:
            raise AssertionError(f"order {order.order_id}: {order.status} cannot become {status}")
        changed = replace(order, status=status, updated_at=self._clock.now(), **changes)
        if changed.is_done:
            self.leave(ticket)
            for number in ticket.entries:
                self._agenda.cancel(number)
            del self._books.tickets[ticket.order_id]
            self._families.remove(order)
        self._books.orders[ticket.order_id] = changed
        if (
            order.filled != changed.filled
            or order.request is not changed.request
            or changed.is_done
        ):
            self._desk.hold(ticket, changed)
        self._outbox.put(OrderChanged(order=changed))
        return changed
