"""The orders that may trade now, side by side and in price-time order.

Comes in: orders and quotes. Goes out: who is next, and at what price. Never: a fill; the floor
books those. Orders meet the quote, not one another: no order here is another's counterparty.
"""

from bisect import bisect_left, insort
from decimal import Decimal

from .orders import Order, OrderType, Side
from .quotes import Quote

_ZERO = Decimal(0)
_TWO = Decimal(2)
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


class Watch:
    """The stops that wait for the market, by instrument, in the order they came."""

    def __init__(self) -> None:
        self._stops: dict[int, dict[int, None]] = {}

    def add(self, order: Order) -> None:
        self._stops.setdefault(order.request.con_id, {})[order.order_id] = None

    def remove(self, order: Order) -> None:
        del self._stops[order.request.con_id][order.order_id]

    def order_ids(self, con_id: int) -> list[int]:
        return list(self._stops.get(con_id, ()))


def _key(order: Order, sequence: int) -> _Key:
    request = order.request
    price = order.limit_price
    if price is None:
        return (False, _ZERO, sequence, order.order_id)
    return (True, -price if request.side is Side.BUY else price, sequence, order.order_id)


def marketable_price(order: Order, quote: Quote) -> Decimal | None:
    """The price at which the order meets the quote, halted or not; None when it does not."""
    buys = order.request.side is Side.BUY
    price, limit = quote.ask if buys else quote.bid, order.limit_price
    at_middle = order.request.order_type is OrderType.MIDPRICE
    if limit is None or at_middle:
        # With one side missing nobody can say that the other is fair.
        if quote.bid is None or quote.ask is None:
            return None
        price = (quote.bid + quote.ask) / _TWO if at_middle else price
    if price is None or limit is None:
        return price
    within = price <= limit if buys else price >= limit
    return price if within else None


def resting_price(order: Order) -> Decimal | None:
    """The price that an order shows while it rests; None when it shows none."""
    return None if order.request.order_type is OrderType.MIDPRICE else order.limit_price
