"""Orders that belong together: a parent with its children, and one-cancels-all groups.

Comes in: live orders. Goes out: who belongs to whom, and what a group ties up together. Never: a
change of an order.
"""

from decimal import Decimal

from .books import Books
from .instruments import Instrument
from .orders import Order, OrderRequest, Side

_ZERO = Decimal(0)


class Families:
    """An index of the live orders; the books are the truth that it is built from."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._children: dict[int, dict[int, None]] = {}
        self._groups: dict[tuple[str, str], dict[int, None]] = {}
        for order_id in books.tickets:
            self.add(books.orders[order_id])

    def add(self, order: Order) -> None:
        request = order.request
        if request.parent_id is not None:
            self._children.setdefault(request.parent_id, {})[order.order_id] = None
        if request.oca_group:
            self._groups.setdefault(_group(request), {})[order.order_id] = None

    def remove(self, order: Order) -> None:
        request = order.request
        if request.parent_id is not None:
            del self._children[request.parent_id][order.order_id]
        if request.oca_group:
            del self._groups[_group(request)][order.order_id]

    def children(self, order: Order) -> list[int]:
        """Live children of an order, oldest first."""
        return list(self._children.get(order.order_id, ()))

    def siblings(self, order: Order) -> list[int]:
        """The other live orders of its one-cancels-all group, oldest first."""
        group = self._groups.get(_group(order.request), ()) if order.request.oca_group else ()
        return [order_id for order_id in group if order_id != order.order_id]

    def awaits_parent(self, request: OrderRequest) -> bool:
        parent = None if request.parent_id is None else self._books.orders[request.parent_id]
        return parent is not None and not parent.is_done

    def shared_hold(self, request: OrderRequest, order_id: int | None = None) -> Decimal:
        """What the other orders of its group tie up of the same means.

        Only one of them will be needed: a group ties up as much as its dearest order.
        """
        if not request.oca_group:
            return _ZERO
        group = self._groups.get(_group(request), ())
        return max(
            (
                self._books.tickets[other].hold
                for other in group
                if other != order_id and self._same_means(self._books.orders[other], request)
            ),
            default=_ZERO,
        )

    def _same_means(self, order: Order, request: OrderRequest) -> bool:
        instruments = self._books.instruments
        other = means(order.request, instruments[order.request.con_id])
        return other == means(request, instruments[request.con_id])


def means(request: OrderRequest, instrument: Instrument) -> str | int:
    """What an order pays with: a currency, or its instrument's shares by con_id."""
    if request.side is Side.BUY:
        return instrument.currency
    return instrument.symbol if instrument.is_pair else instrument.con_id


def _group(request: OrderRequest) -> tuple[str, str]:
    return request.account_id, request.oca_group
