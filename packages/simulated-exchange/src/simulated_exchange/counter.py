"""The counter, where clients hand in their requests.

Comes in: orders, changes, cancellations. Goes out: the order as it stands, or an `ExchangeError`;
and a request on its way to the floor. Never: a quote, an account.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from .agenda import Action, Entry
from .books import Books
from .clock import Clock
from .desk import Desk
from .errors import ExchangeError, Reason
from .families import Families
from .floor import Floor
from .orders import Changes, OcaType, Order, OrderRequest, OrderState
from .outbox import Outbox
from .record import Record
from .whatif import WhatIf, what_if


class Counter(Record):
    """The trading half of an `Exchange`."""

    def __init__(self, books: Books, clock: Clock) -> None:
        super().__init__(books, clock)
        families = Families(books)
        self._outbox = Outbox()
        self._desk = Desk(books, self._market, families)
        self._floor = Floor(books, clock, self._market, self._desk, families, self._outbox)

    def submit(self, request: OrderRequest) -> Order:
        """Take an order. Raises `ExchangeError` if it is refused; a refused order leaves no trace.

        Without latency the order has already met the market when this returns, and may be done.
        """
        self._desk.check(request)
        order = self._accept(request)
        self._send(Action.ARRIVE, order.order_id)
        return self._books.orders[order.order_id]

    def submit_family(self, parent: OrderRequest, children: Sequence[OrderRequest]) -> list[Order]:
        """Take a parent and its children together, or none of them; returns them in that order.

        The children wait until the parent has filled, and are cancelled when it ends otherwise.
        They become a one-cancels-all group that every fill reduces, unless they name their own.
        Raises `ExchangeError` for the first that is refused.
        """
        self._desk.check(parent)
        parent_id = self._books.last_order_id + 1
        requests = [parent]
        for child in children:
            request = replace(child, parent_id=parent_id)
            if not child.oca_group:
                request = replace(request, oca_group=str(parent_id), oca_type=OcaType.REDUCE)
            self._desk.check_child(request, parent)
            requests.append(request)
        orders = [self._accept(request) for request in requests]
        for order in orders:
            self._send(Action.ARRIVE, order.order_id)
        return [self._books.orders[order.order_id] for order in orders]

    def preview(self, request: OrderRequest) -> WhatIf:
        """What an order would do to its account; nothing is booked.

        Raises `ExchangeError` for an order that `submit` would refuse.
        """
        self._desk.check(request)
        return what_if(self._books, self._market, request, self.clock.now())

    def modify(
        self,
        order_id: int,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail_amount: Decimal | None = None,
        trail_percent: Decimal | None = None,
        limit_offset: Decimal | None = None,
    ) -> Order:
        """Change a live order's total quantity or prices; what is not given stays.

        Raises `ExchangeError` if the order is done or about to be cancelled, or the terms are
        wrong. A modification that no longer fits when it arrives, because the order has ended or
        filled or other orders took the means, is dropped.
        """
        order = self._live(order_id, Reason.NOT_MODIFIABLE)
        if order.status is OrderState.PENDING_CANCEL:
            raise ExchangeError(Reason.NOT_MODIFIABLE, f"order {order_id} is being cancelled")
        changes = Changes(
            quantity=quantity,
            limit_price=limit_price,
            stop_price=stop_price,
            trail_amount=trail_amount,
            trail_percent=trail_percent,
            limit_offset=limit_offset,
        )
        request = changes.apply(order.request)
        self._desk.check(request, order.filled, self._books.tickets[order_id])
        self._send(Action.MODIFY, order_id, changes)
        return self._books.orders[order_id]

    def cancel(self, order_id: int) -> Order:
        """Ask for the end of a live order; until the request arrives the order can fill.

        Raises `ExchangeError` if the order is unknown or done. Asking twice is harmless.
        """
        order = self._live(order_id, Reason.NOT_CANCELLABLE)
        if order.status is not OrderState.PENDING_CANCEL:
            if self._books.latency.high:
                self._floor.announce_cancel(order_id)
            self._send(Action.CANCEL, order_id)
        return self._books.orders[order_id]

    def set_active(self, order_id: int, active: bool) -> Order:
        """Take a live order out of the market, as a broker does that will not pass it on, or let it
        go on, checked again. Raises `ExchangeError` if it is unknown or done.
        """
        self._live(order_id, Reason.NOT_MODIFIABLE)
        self._floor.set_active(order_id, active)
        self._outbox.deliver()
        return self._books.orders[order_id]

    def _accept(self, request: OrderRequest) -> Order:
        now = self.clock.now()
        self._books.last_order_id += 1
        order = Order(
            order_id=self._books.last_order_id,
            request=request,
            status=OrderState.PENDING,
            submitted_at=now,
            updated_at=now,
            stop_price=request.stop_price,
        )
        self._floor.accept(order)
        return order

    def _live(self, order_id: int, done: Reason) -> Order:
        order = self.order(order_id)
        if order.is_done:
            raise ExchangeError(done, f"order {order_id} is {order.status}")
        return order

    def _send(self, action: Action, order_id: int, changes: Changes | None = None) -> None:
        """Let a request travel to the floor; requests arrive in the order they were sent."""
        books = self._books
        arrival = sent = self.clock.now()
        if books.latency.high:
            arrival += timedelta(seconds=books.latency.delay(books.seed, books.requests))
        books.requests += 1
        if books.last_arrival is not None:
            arrival = max(arrival, books.last_arrival)
        books.last_arrival = arrival
        entry = Entry(due=arrival, action=action, subject=order_id, changes=changes)
        if arrival > sent:
            self._floor.agenda.add(entry)
        else:
            self._floor.act(entry)
        self._outbox.deliver()
