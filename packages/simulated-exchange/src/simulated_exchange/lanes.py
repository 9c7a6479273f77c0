"""The orders that may trade now, side by side and in price-time order.

Comes in: orders and quotes. Goes out: who is next, and at what price. Never: a fill; the floor
books those. Orders meet the quote, not one another: no order here is another's counterparty.
"""

from bisect import bisect_left, insort
from decimal import Decimal

from .orders import Order, OrderType, Side
from .quotes import Quote

_ZERO = Decimal(0)
#: market orders first, then the better price, then the earlier sequence; last the order's id
_Key = tuple[bool, Decimal, int, int]


class Lanes:
    """One sorted lane for each instrument and side."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[int, Side], list[_Key]] = {}

    def add(self, order: Order, sequence: int) -> None:
        request = order.request
        lane = self._lanes.setdefault((request.con_id, request.side), [])
        insort(lane, _key(order, sequence))

    def remove(self, order: Order, sequence: int) -> None:
        """Take out an order that was added with the terms it still has."""
        lane = self._lanes[order.request.con_id, order.request.side]
        del lane[bisect_left(lane, _key(order, sequence))]

    def order_ids(self, con_id: int, side: Side) -> list[int]:
        return [key[3] for key in self._lanes.get((con_id, side), ())]


def _key(order: Order, sequence: int) -> _Key:
    request = order.request
    price = request.limit_price
    if price is None:
        return (False, _ZERO, sequence, order.order_id)
    return (True, -price if request.side is Side.BUY else price, sequence, order.order_id)


def marketable_price(order: Order, quote: Quote) -> Decimal | None:
    """The price at which the order meets the quote, halted or not; None when it does not."""
    request = order.request
    price = quote.ask if request.side is Side.BUY else quote.bid
    if request.order_type is OrderType.MKT:
        # With one side missing nobody can say that the other is fair.
        return price if quote.bid is not None and quote.ask is not None else None
    limit = request.limit_price
    if price is None or limit is None:
        return None
    within = price <= limit if request.side is Side.BUY else price >= limit
    return price if within else None
