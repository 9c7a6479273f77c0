"""What a caller wants traded, checked against what IB's API can do.

Comes in: the arguments of `place_order`. Goes out: a valid request, its limit on the price grid and
ib_async's order for it, or an `OrderExecutionError` before anything is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ib_async.order import Order

from broker_connector_base import OrderExecutionError

from . import convert
from .contract_cache import Listing

_TYPES = {"MARKET": "MKT", "LIMIT": "LMT"}
_TIMES_IN_FORCE = ("DAY", "GTC", "IOC")


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRequest:
    """One order to be: `quantity` is signed whole shares, `price` the limit of a LIMIT order."""

    account_id: str
    symbol: str
    quantity: Decimal
    order_type: str
    price: Decimal | None
    client_order_id: str | None
    time_in_force: str

    def __post_init__(self) -> None:
        if self.order_type not in _TYPES:
            self._refuse(f"order type {self.order_type} is not one of {', '.join(_TYPES)}")
        if self.time_in_force not in _TIMES_IN_FORCE:
            allowed = ", ".join(_TIMES_IN_FORCE)
            self._refuse(f"time in force {self.time_in_force} is not one of {allowed}")
        if self.order_type == "MARKET" and self.time_in_force != "DAY":
            self._refuse("a market order is good for the day only")
        if self.order_type == "MARKET" and self.price is not None:
            self._refuse("a market order has no limit")
        if self.order_type == "LIMIT" and not _is_positive(self.price):
            self._refuse("a limit order needs a positive limit")
        if not _is_positive(abs(self.quantity)) or self.quantity % 1:
            # Source: https://www.interactivebrokers.com/en/trading/ordertypes.php (fractions are
            # not available through the API for stocks).
            self._refuse("IB's API takes whole shares only, and at least one")

    def _refuse(self, why: str) -> None:
        raise OrderExecutionError(
            f"Cannot order {self.quantity} {self.symbol}: {why}. Nothing was sent."
        )

    def limit_on_grid(self, listing: Listing) -> Decimal | None:
        """The limit on the instrument's price grid, never worse than asked; None without one."""
        if self.price is None:
            return None
        limit = convert.on_tick(self.price, listing.min_tick, buying=self.quantity > 0)
        if limit <= 0:
            self._refuse(f"limit {self.price} is below one tick of {listing.min_tick}")
        return limit

    def wire_order(self, limit: Decimal | None) -> Order:
        """ib_async's order; the account is always named and the key travels as orderRef."""
        order = Order(
            action="BUY" if self.quantity > 0 else "SELL",
            totalQuantity=int(abs(self.quantity)),
            orderType=_TYPES[self.order_type],
            tif=self.time_in_force,
            account=self.account_id,
            orderRef=self.client_order_id or "",
        )
        if limit is not None:
            order.lmtPrice = limit
        return order


def _is_positive(value: Decimal | None) -> bool:
    return value is not None and value.is_finite() and value > 0
