"""The orders of a run as far as they are known: labels from the broker, quantities from executions.

Comes in: intents, the broker's answers and events. Goes out: what is filled, at what price, and
whether an order's fate is decided. It asks nobody and waits for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal

from broker_connector_base import Fill, OpenOrder, OrderResult, OrderStatus, OrderUpdate, advance

from .journal import OrderIntent
from .progress import OrderProgress

#: States that this side may find without the broker's word; an order id can be ours as well.
_OURS_TO_SAY = frozenset(
    {OrderStatus.PENDING, OrderStatus.CANCELLING, OrderStatus.UNKNOWN, OrderStatus.NOT_FOUND}
)
_MISSING = (
    "it was handed over in a session that stood, and the broker neither answers nor tells of it; "
    "it may wait for a confirmation at the gateway's window"
)


class Order:
    """One order of this run; mutable, changed by reports of the broker only."""

    def __init__(self, intent: OrderIntent) -> None:
        self.intent = intent
        self.status = OrderStatus.PENDING
        self.order_id: str | None = None
        self.message: str | None = None
        #: The loop's time when it was handed to the broker; minus infinity before.
        self.handed_over = -math.inf
        #: True when it provably never left: sending it (under another key) is safe.
        self.never_sent = False
        #: True when it must have arrived and the broker has no word of it.
        self.is_missing = False
        #: By execution id: a correction replaces what it corrects.
        self.fills: dict[str, Fill] = {}
        #: The most shares that each execution was ever reported with: corrections can take some.
        self._reported: dict[str, Decimal] = {}
        self._told = Decimal(0)
        self._acknowledged = False
        self._was_refused = False

    @property
    def filled(self) -> Decimal:
        """Unsigned shares executed: by the executions, or by the broker's count if that is more."""
        return max(self._executed, self._told)

    @property
    def signed_filled(self) -> Decimal:
        """Signed shares executed."""
        return self.filled.copy_sign(self.intent.quantity)

    @property
    def average_price(self) -> Decimal | None:
        """Per share over the executions that were reported; None without shares: a correction can
        take all of them back.
        """
        value = sum((abs(fill.quantity) * fill.price for fill in self.fills.values()), Decimal(0))
        return value / self._executed if self._executed else None

    @property
    def is_complete(self) -> bool:
        """True when all shares are executed, whatever the label says."""
        return self.filled >= abs(self.intent.quantity)

    @property
    def is_decided(self) -> bool:
        """True when it can trade no more, so far as the broker has told."""
        return self.is_complete or self.status.is_final or self.status is OrderStatus.NOT_FOUND

    @property
    def is_settled(self) -> bool:
        """True when it is decided and there is an execution for every share it traded."""
        wanted = abs(self.intent.quantity) if self.status is OrderStatus.FILLED else self._told
        return self.is_decided and sum(self._reported.values(), Decimal(0)) >= wanted

    @property
    def has_arrived(self) -> bool:
        """True when the broker has, or had, it, by its own word or because it must."""
        return self._acknowledged or bool(self.filled) or self.is_missing

    @property
    def was_handed_over(self) -> bool:
        """True once the broker was asked to place it."""
        return self.handed_over > -math.inf

    @property
    def went_wrong(self) -> bool:
        """True when it was sent and did not fill completely."""
        return not self.is_complete and not self.never_sent

    @property
    def verdict(self) -> OrderStatus:
        """The status to write down: never final unless the order is decided."""
        if self.is_complete:
            return OrderStatus.FILLED
        if self._was_refused and self.status is OrderStatus.CANCELLED:
            return OrderStatus.REJECTED
        return OrderStatus.UNKNOWN if self.status is OrderStatus.PENDING else self.status

    def see_result(self, result: OrderResult) -> None:
        """Take an answer about the order as a whole."""
        self._see_report(result)

    def see_update(self, update: OrderUpdate) -> None:
        """Take a change of state."""
        self._see_report(update)

    def see_listed(self, listed: OpenOrder) -> None:
        """Take its line in the list of those that are open: the refusal was not its end."""
        self._was_refused = True
        self._acknowledged, self.is_missing, self.order_id = True, False, listed.order_id
        self._see(listed.status, listed.filled_quantity, None)

    def see_fill(self, fill: Fill) -> None:
        """Take an execution, or the correction of one."""
        self.is_missing = False
        self.fills[fill.execution_id] = fill
        reported = self._reported.get(fill.execution_id, Decimal(0))
        self._reported[fill.execution_id] = max(reported, abs(fill.quantity))
        self.order_id = self.order_id or fill.order_id

    def see_refusal(self, message: str) -> None:
        """The broker would not have it."""
        self._see(OrderStatus.REJECTED, Decimal(0), message)

    def see_silence(self, message: str, order_id: str | None) -> None:
        """Nobody knows whether it arrived, unless an event has told already."""
        self.order_id = self.order_id or order_id
        if self.status is OrderStatus.PENDING:
            self._see(OrderStatus.UNKNOWN, Decimal(0), message)

    def see_unsent(self, message: str) -> None:
        """It was not handed to the broker."""
        self.never_sent = True
        self.see_absence(f"not sent: {message}")

    def see_absence(self, message: str, *, has_arrived: bool = False) -> None:
        """The broker does not tell of it; that it must have it weighs more: it may work unseen."""
        if self.is_decided:
            return
        if self._acknowledged or self.filled:
            self._see(OrderStatus.UNKNOWN, Decimal(0), "the broker had it and does not tell of it")
        elif has_arrived or self.is_missing:
            self.is_missing = True
            self._see(OrderStatus.UNKNOWN, Decimal(0), _MISSING)
        else:
            self.status = OrderStatus.NOT_FOUND
            self.message = message

    def progress(self) -> OrderProgress:
        """The order as it stands, for people who watch."""
        return OrderProgress(
            client_order_id=self.intent.client_order_id,
            symbol=self.intent.symbol,
            quantity=self.intent.quantity,
            status=OrderStatus.FILLED if self.is_complete else self.status,
            filled_quantity=self.filled,
            average_price=self.average_price,
            limit_price=self.intent.limit_price,
            message=self.message,
        )

    @property
    def _executed(self) -> Decimal:
        return sum((abs(fill.quantity) for fill in self.fills.values()), Decimal(0))

    def _see_report(self, report: OrderResult | OrderUpdate) -> None:
        told = report.permanent_id is not None or report.status not in _OURS_TO_SAY
        self._acknowledged |= told
        self.is_missing &= not told
        self.order_id = report.order_id
        self._see(report.status, report.filled_quantity, report.message)

    def _see(self, status: OrderStatus, filled: Decimal, message: str | None) -> None:
        if status is OrderStatus.NOT_FOUND and (self._acknowledged or self.filled):
            # That it had it once weighs more.
            status = OrderStatus.UNKNOWN
        self.status = advance(self.status, status)
        self._told = max(self._told, filled)
        self.message = message or self.message


class Orders:
    """All orders of a run, by their keys."""

    def __init__(self) -> None:
        self._by_key: dict[str, Order] = {}

    def __iter__(self) -> Iterator[Order]:
        return iter(self._by_key.values())

    def add(self, intents: Iterable[OrderIntent]) -> list[Order]:
        """Remember orders that are about to be sent."""
        added = [Order(intent) for intent in intents]
        self._by_key.update((order.intent.client_order_id, order) for order in added)
        return added

    def see(self, event: OrderUpdate | Fill) -> Order | None:
        """Apply an event; the order that it was about, or None when it is not of this run."""
        # By key alone: order ids repeat across the clients of an account.
        order = self._by_key.get(event.client_order_id or "")
        if isinstance(event, Fill) and order is not None:
            order.see_fill(event)
        elif isinstance(event, OrderUpdate) and order is not None:
            order.see_update(event)
        return order

    def see_listed(self, listed: OpenOrder) -> Order | None:
        """Apply a line of the list of open orders to a refused order, if it is one of those."""
        order = self._by_key.get(listed.client_order_id or "")
        if order is None or order.status is not OrderStatus.REJECTED:
            return None
        order.see_listed(listed)
        return order

    def are_settled(self) -> bool:
        """True when there is an execution for every share that orders have traded."""
        return all(order.is_settled for order in self)

    def fills(self) -> list[Fill]:
        """All executions, oldest first."""
        fills = (fill for order in self for fill in order.fills.values())
        return sorted(fills, key=lambda fill: fill.at)
