"""What a caller wants traded, as the exchange takes it.

Comes in: the arguments of `place_order` and the instrument. Goes out: a request, or an
`OrderExecutionError` before anything is sent. What only the exchange can judge (funds, ticks, lots)
is left to the exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from broker_connector_base import OrderExecutionError
from simulated_exchange import Instrument, OrderRequest, Side, TimeInForce

from .translate import ORDER_TYPES


@dataclass(frozen=True, kw_only=True)
class WantedOrder:
    """One order to be; `quantity` is signed shares, `price` the limit of a LIMIT order."""

    account_id: str
    symbol: str
    quantity: Decimal
    order_type: str
    price: Decimal | None
    client_order_id: str | None
    time_in_force: str

    def __post_init__(self) -> None:
        if self.order_type not in ORDER_TYPES:
            self._refuse(f"order type {self.order_type} is not one of {', '.join(ORDER_TYPES)}")
        if self.time_in_force not in TimeInForce.__members__:
            allowed = ", ".join(TimeInForce.__members__)
            self._refuse(f"time in force {self.time_in_force} is not one of {allowed}")
        if (self.order_type == "LIMIT") != (self.price is not None):
            self._refuse("a limit order needs a limit, a market order has none")
        if not self.quantity.is_finite() or not self.quantity:
            self._refuse("the quantity is not a number of shares")

    def _refuse(self, why: str) -> None:
        raise OrderExecutionError(
            f"cannot order {self.quantity} {self.symbol}: {why}; nothing was sent", code="INVALID"
        )

    def request(self, listing: Instrument, client_id: int) -> OrderRequest:
        """The exchange's own form of it, in the name of this client."""
        return OrderRequest(
            account_id=self.account_id,
            con_id=listing.con_id,
            side=Side.BUY if self.quantity > 0 else Side.SELL,
            quantity=abs(self.quantity),
            order_type=ORDER_TYPES[self.order_type],
            limit_price=self.price,
            time_in_force=TimeInForce[self.time_in_force],
            order_ref=self.client_order_id or "",
            owner=client_id,
        )
