"""Every order that the server has spoken of, in the state that the server gave it.

Comes in: the server's order messages, errors that name an order, and the orders about to be sent.
Goes out: `OrderUpdate` and `Fill` events, and a call for reconciliation when an order's fate is in
doubt. Error codes alone never end an order that was acknowledged. It sends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal

import structlog
from ib_async import CommissionReport, Contract, Execution
from ib_async.order import Order

from broker_connector_base import OpenOrder, OrderEvent, OrderStatus
from broker_connector_base.order_states import advance

from . import convert
from .errors import Kind
from .executions import Executions, average_price, execution_key, order_id_text, shares
from .messages import MANUAL, OpenLine, OrderKey, order_key
from .status import INACTIVE, order_status
from .tracked_order import TrackedOrder

_log = structlog.get_logger(__name__)

#: IB names the reason in an error message just before or after the status; wait this long for it.
REASON_SECONDS = 0.25

_REFUSALS = (Kind.REJECTED, Kind.PERMANENT, Kind.NO_INSTRUMENT)
_REMARKS = (Kind.INFO, Kind.WARNING, Kind.CONNECTIVITY)


class Ledger:
    """The orders and executions of one client id's sessions."""

    def __init__(
        self,
        client_id: int,
        *,
        publish: Callable[[str, OrderEvent], None],
        on_doubt: Callable[[], None],
        kind_of: Callable[[int], Kind],
    ) -> None:
        self.client_id = client_id
        self.executions = Executions(client_id)
        self._publish = publish
        self._on_doubt = on_doubt
        self._kind_of = kind_of
        self._orders: dict[OrderKey, TrackedOrder] = {}
        #: Ids of others' executions that are no fills; see `on_execution`.
        self._left_out: set[str] = set()
        #: Orders whose number the server gave to another one, such as one that it never received.
        self._displaced: list[TrackedOrder] = []
        #: The highest order number of this client, open orders of others included: IB answers 103
        #: to a number below one that it has seen.
        self.highest_number = 0

    def add(self, order: TrackedOrder) -> None:
        """An own order that is about to be sent."""
        self._orders[order.key] = order
        self._see_number(order.key)

    def knows(self, key: OrderKey) -> bool:
        return key in self._orders

    def get(self, key: OrderKey) -> TrackedOrder:
        return self._orders[key]

    def own(self, order_id: str) -> TrackedOrder | None:
        """An own order by its id."""
        found = (self.client_id, int(order_id)) if order_id.isdecimal() else None
        return None if found is None else self._orders.get(found)

    def with_key(self, account_id: str, client_order_id: str) -> TrackedOrder | None:
        """The first order of the account with this key, an own one before others'."""
        wanted = (account_id, client_order_id)
        every = (*self._orders.values(), *self._displaced)
        found = [o for o in every if (o.account_id, o.client_order_id) == wanted]
        return min(found, key=lambda order: not order.own, default=None)

    def own_live(self) -> list[TrackedOrder]:
        """Own orders that may still trade, as far as is known."""
        return [order for order in self._orders.values() if order.own and order.status.is_live]

    def doubtful(self) -> list[TrackedOrder]:
        """Orders that an error code or their absence from a list has cast doubt on."""
        return [order for order in self._orders.values() if order.in_doubt]

    # The server's words.

    def on_open_order(self, contract: Contract, order: Order, status: str) -> OrderKey:
        """An order with its terms: at a change, or in answer to a question."""
        key = order_key(order.clientId, order.orderId, order.permId)
        self._see_number(key)
        described = self.describe(contract, order, key)
        tracked = self._meant(key, described.permanent_id, described.client_order_id)
        if tracked is None:
            if key in self._orders:
                self._displaced.append(self._orders[key])
            tracked = self._orders[key] = described
            tracked.status = order_status(status)
            tracked.filled = shares(self.executions.of_order(tracked))
            tracked.answered.set()
            tracked.told = tracked.update(None, None)
        # What an order is for does not vanish.
        tracked.quantity = described.quantity or tracked.quantity
        tracked.limit_price = described.limit_price
        tracked.permanent_id = described.permanent_id or tracked.permanent_id
        # "Filled" comes here without its shares; the order status that follows has both.
        if order_status(status) is not OrderStatus.FILLED:
            self._move(tracked, order_status(status))
        return key

    def on_order_status(
        self,
        key: OrderKey,
        *,
        status: str,
        why_held: str,
        filled: float,
        average_price: float,
        permanent_id: int,
    ) -> None:
        """The state and the filled quantity of an order.

        Raises `ValueError` for an order of ours whose filled quantity cannot be read: an end
        without it says too little.
        """
        permanent = convert.permanent_id(permanent_id)
        order = self._orders.get(key)
        if order is None or not order.is_meant_by(permanent, order.client_order_id):
            _log.warning("ibkr.order_status.unknown_order", key=key, status=status)
            return
        order.permanent_id = permanent or order.permanent_id
        if order.own or order.client_order_id or convert.number(filled) is not None:
            self._count(order, convert.quantity(filled), convert.price(average_price))
        self._move(order, order_status(status, why_held))

    def on_execution(self, contract: Contract, execution: Execution) -> str | None:
        """Shares that changed hands; returns the id of the fill, None if it is left out.

        Somebody else's combination is traded for a credit, and an option leg of it for nothing:
        neither has a price per share, and no order here waits for it. The cash that it brought in
        is then not explained by a fill: a run that remembers the balance from before, of at most
        ten minutes ago, waits as long as for fills to be booked, and is then refused.
        """
        try:
            fill, is_news = self.executions.add(contract, execution)
        except ValueError as error:
            if contract.secType == "STK" or self._is_of_own_order(execution):
                raise
            if execution.execId not in self._left_out:
                self._left_out.add(execution.execId)
                _log.warning("ibkr.execution.left_out", reason=str(error), kind=contract.secType)
            return None
        key = execution_key(execution)
        if key[0] == self.client_id:
            self._see_number(key)
        if is_news:
            self._publish(fill.account_id, fill)
            order = self._meant(key, fill.permanent_id, fill.client_order_id)
            if order is not None:
                order.permanent_id = fill.permanent_id or order.permanent_id
                self._count_shares(order)
        return fill.execution_id

    def on_commission(self, report: CommissionReport) -> None:
        """The price of an execution."""
        fill = self.executions.add_commission(report)
        if fill is not None:
            self._publish(fill.account_id, fill)

    def on_order_error(self, key: OrderKey, code: int, text: str) -> None:
        """An error code that names an order; see `errors` for what each kind may do to it."""
        order = self._orders[key]
        kind = self._kind_of(code)
        remark = f"{code}: {text}"
        order.remarks.append(remark)
        if kind not in _REMARKS:
            order.code = str(code)
            if order.was_never_confirmed and kind in (*_REFUSALS, Kind.CANCELLED):
                order.status = OrderStatus.REJECTED
                order.answered.set()
            elif kind is Kind.NO_ORDER and order.is_cancelled_unseen:
                order.status = OrderStatus.NOT_FOUND
            else:
                self._doubt(order)
        self._tell(order, code=str(code), message=remark)

    def on_lost(self) -> None:
        """The session ended: nobody will answer for orders that were not acknowledged."""
        for order in self._orders.values():
            if not order.answered.is_set():
                self.give_up(order)

    # What follows from them.

    def give_up(self, order: TrackedOrder) -> None:
        """No answer decides the order's fate in time."""
        if order.status is OrderStatus.PENDING:
            order.status = OrderStatus.UNKNOWN
        order.answered.set()

    def cancelling(self, order: TrackedOrder) -> None:
        """A cancellation was sent; until the server confirms it the order can fill."""
        order.status = advance(order.status, OrderStatus.CANCELLING)
        self._tell(order)

    def settle(self, order: TrackedOrder, status: OrderStatus, filled: Decimal | None) -> None:
        """The server lists a supposedly live order as completed, with what it filled if it says."""
        order.in_doubt = False
        self._count(order, filled or order.filled, None)
        order.status = advance(order.status, status)
        self._tell(order)

    def miss(self, order: TrackedOrder) -> None:
        """No list of the server names a supposedly live order.

        Lists can be incomplete for a while, as after a lost link: the first time is a doubt that
        leaves an acknowledged order as it is, the second makes it UNKNOWN. Neither ends it.
        """
        if order.in_doubt or not order.was_acknowledged:
            order.status = advance(order.status, OrderStatus.UNKNOWN)
        order.in_doubt = order.was_acknowledged
        order.is_unlisted = True
        self._tell(order)

    def is_refused(self, line: OpenLine) -> bool:
        """Whether the order, listed as inactive, is taken for one that was refused for good.

        One that was just sent has its own answer to come.
        """
        order = self._orders[line.key]
        is_over = order.status is OrderStatus.REJECTED and order.answered.is_set()
        return line.status == INACTIVE and is_over

    def keep_inactive(self, key: OrderKey) -> None:
        """The server goes on listing the refused order as open: it may trade when activated."""
        order = self._orders[key]
        order.remarks.append("IB lists it as open and inactive: it may be activated")
        self._move(order, OrderStatus.WORKING)
        order.is_inactive = True

    def describe(self, contract: Contract, order: Order, key: OrderKey) -> TrackedOrder:
        """An order by the server's own description."""
        sign = 1 if order.action == "BUY" else -1
        is_limit = order.orderType == "LMT"
        return TrackedOrder(
            key=key,
            order_id=order_id_text(key, self.client_id),
            own=key[0] == self.client_id,
            account_id=order.account,
            symbol=convert.contract_name(contract),
            # Zero for what a person orders for an amount of money, in shares that nobody says.
            quantity=(convert.number(float(order.totalQuantity)) or Decimal(0)) * sign,
            order_type={"MKT": "MARKET", "LMT": "LIMIT"}.get(order.orderType, order.orderType),
            limit_price=convert.price(float(order.lmtPrice or 0)) if is_limit else None,
            time_in_force=order.tif or None,
            client_order_id=order.orderRef or None,
            permanent_id=convert.permanent_id(order.permId),
        )

    def _meant(
        self, key: OrderKey, permanent_id: str | None, client_order_id: str | None
    ) -> TrackedOrder | None:
        order = self._orders.get(key)
        is_meant = order is not None and order.is_meant_by(permanent_id, client_order_id)
        return order if is_meant else None

    def _is_of_own_order(self, execution: Execution) -> bool:
        order = self.with_key(execution.acctNumber, execution.orderRef)
        return order is not None and order.own

    def _see_number(self, key: OrderKey) -> None:
        if key[0] != MANUAL:
            self.highest_number = max(self.highest_number, key[1])

    def _count_shares(self, order: TrackedOrder) -> None:
        # "Filled" may never be sent for an instant fill: executions are the truth.
        fills = self.executions.of_order(order)
        self._count(order, shares(fills), average_price(fills))
        if order.quantity and order.filled >= abs(order.quantity):
            self._move(order, OrderStatus.FILLED)

    @staticmethod
    def _count(order: TrackedOrder, filled: Decimal, average: Decimal | None) -> None:
        """Take over a report unless it was overtaken by one that knows of more shares."""
        if filled >= order.filled:
            order.filled = filled
            order.average_price = average or order.average_price

    def _move(self, order: TrackedOrder, reported: OrderStatus) -> None:
        """A state in the server's own words, which settles every doubt."""
        order.in_doubt = order.is_unlisted = False
        if order.is_inactive and reported is OrderStatus.REJECTED:
            reported = OrderStatus.WORKING  # "Inactive" again is no news
        elif reported is not OrderStatus.CANCELLING:
            order.is_inactive = False
        refused = order.code is not None and not order.answered.is_set()
        if reported is OrderStatus.CANCELLED and (refused or order.status is OrderStatus.REJECTED):
            reported = OrderStatus.REJECTED  # IB's word for the end of both
        order.status = advance(order.status, reported)
        if order.status not in (OrderStatus.PENDING, OrderStatus.UNKNOWN):
            self._answer(order)
        self._tell(order)

    def _answer(self, order: TrackedOrder) -> None:
        ended = order.status in (OrderStatus.REJECTED, OrderStatus.CANCELLED)
        if ended and order.code is None and not order.answered.is_set():
            asyncio.get_running_loop().call_later(REASON_SECONDS, order.answered.set)
        else:
            order.answered.set()

    def _doubt(self, order: TrackedOrder) -> None:
        if order.status.is_live and order.answered.is_set():
            order.in_doubt = True
            self._on_doubt()

    def _tell(
        self, order: TrackedOrder, *, code: str | None = None, message: str | None = None
    ) -> None:
        update = order.update(code, message)
        # The server repeats itself; a listener hears each state once.
        if update == order.told or (order.status is OrderStatus.PENDING and message is None):
            return
        order.told = order.update(None, None)
        self._publish(order.account_id, update)


def open_orders(orders: Iterable[TrackedOrder], account_id: str) -> list[OpenOrder]:
    """Those of the account that are still live."""
    return [
        order.open_order()
        for order in orders
        if order.account_id == account_id and order.status.is_live
    ]
