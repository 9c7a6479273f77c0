"""Whose order is whose: clients' order ids, and how high each client has counted.

Orders of the exchange come in; lookups by (client id, order id) go out. The marks are kept in the
exchange's `extra`, so they are saved with it and no id is used twice after a restart.

Source: an order id must be higher than every id the client has used (TWS API, "Placing orders",
next valid identifier).
"""

from simulated_exchange import Exchange, Order

from .blocks import Blocks
from .translate.requests import Owner, owner_of

_KEY = "highest_order_ids"


class OrderIds:
    """The order ids of all clients on one exchange."""

    def __init__(self, exchange: Exchange, blocks: Blocks) -> None:
        self._exchange = exchange
        self._blocks = blocks
        self._numbers: dict[Owner, int] = {}
        self._marks: dict[str, int] = exchange.extra.setdefault(_KEY, {})
        for order in (*exchange.completed_orders(), *exchange.open_orders()):
            self.note(order)

    def note(self, order: Order) -> None:
        """Remember which order of the exchange, or which block, a client's id stands for."""
        self._blocks.note(order)
        owner = owner_of(order.request)
        if owner[1] and owner not in self._numbers:
            self._numbers[owner] = order.order_id
            self.use(*owner)

    def find(self, client_id: int, order_id: int) -> Order | None:
        """The order as it stands now, None when this client never placed it."""
        number = self._numbers.get((client_id, order_id))
        return None if number is None else self._blocks.whole(self._exchange.order(number))

    def highest(self, client_id: int) -> int:
        """The highest id this client has used, 0 when it has used none."""
        return self._marks.get(str(client_id), 0)

    def use(self, client_id: int, order_id: int) -> None:
        """Count an id as used, whether or not an order came of it."""
        self._marks[str(client_id)] = max(self.highest(client_id), order_id)
