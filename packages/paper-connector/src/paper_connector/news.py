"""What is new in the books since a session looked last.

Comes in: the exchange, each time its books are complete and on the disk. Goes out: order events.
They are read off the books and not collected on the way, so it does not matter which process let
things happen. Never: an event twice, an event that is not on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from broker_connector_base import OrderEvent, OrderStatus
from simulated_exchange import Exchange, Order

from .translate import STATUS, fill, update


class News:
    """One reader's place in the books."""

    def __init__(self, exchange: Exchange) -> None:
        """From here on: what is in the books already is no news."""
        self._fills = 0
        self._orders: dict[int, tuple[OrderStatus, Decimal]] = {}
        for _ in self.since_last_look(exchange):
            pass

    def since_last_look(self, exchange: Exchange) -> Iterator[tuple[str, OrderEvent]]:
        """(account id, event): fills first, because they are the truth about quantity."""
        executions = exchange.executions()
        for execution in executions[self._fills :]:
            yield execution.request.account_id, fill(exchange, execution)
        self._fills = len(executions)
        for order in [*exchange.completed_orders(), *exchange.open_orders()]:
            stands = _standing(order)
            if self._orders.get(order.order_id) != stands:
                self._orders[order.order_id] = stands
                yield order.request.account_id, update(exchange, order)


def _standing(order: Order) -> tuple[OrderStatus, Decimal]:
    return STATUS[order.status], order.filled
