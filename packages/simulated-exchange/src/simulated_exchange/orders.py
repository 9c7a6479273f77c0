"""An order, from request to its end.

Comes in: what a client asks for. Goes out: immutable orders, one for each state they pass through.
Never: a decision on whether the order is allowed or how it fills.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from .errors import Reason

_ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    MKT = "MKT"
    LMT = "LMT"


class TimeInForce(StrEnum):
    #: ends with the session in which it may first trade
    DAY = "DAY"
    #: stays until filled or cancelled
    GTC = "GTC"
    #: fills at once as far as it can; the rest is cancelled
    IOC = "IOC"


class OrderState(StrEnum):
    #: on its way to the exchange
    PENDING = "PENDING"
    #: accepted, waits for the session to open
    HELD = "HELD"
    WORKING = "WORKING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    #: the cancellation is on its way; the order can still fill
    PENDING_CANCEL = "PENDING_CANCEL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    #: refused after it had been taken, for example at the open for want of funds
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_done(self) -> bool:
        return not TRANSITIONS[self]


_S = OrderState
#: From each state to the states that may follow; an empty row is an end.
TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    # CANCELLED: an IOC that arrives while the market is closed.
    _S.PENDING: frozenset({_S.HELD, _S.WORKING, _S.PENDING_CANCEL, _S.CANCELLED}),
    _S.HELD: frozenset({_S.WORKING, _S.PENDING_CANCEL, _S.CANCELLED, _S.REJECTED}),
    _S.WORKING: frozenset(
        {_S.PARTIALLY_FILLED, _S.FILLED, _S.PENDING_CANCEL, _S.CANCELLED, _S.EXPIRED}
    ),
    _S.PARTIALLY_FILLED: frozenset(
        {_S.PARTIALLY_FILLED, _S.FILLED, _S.PENDING_CANCEL, _S.CANCELLED, _S.EXPIRED}
    ),
    # Until the cancellation arrives the order trades as before: a fill may win the race, a part
    # of it may fill, the session may end, the open may refuse it.
    _S.PENDING_CANCEL: frozenset(
        {_S.PENDING_CANCEL, _S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.REJECTED}
    ),
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRequest:
    """What a client asks for. `quantity` is positive for both sides, prices in the instrument's
    currency. `owner` is the placing client's own tag: any hashable of strings, integers and tuples
    (anything else cannot be saved)."""

    account_id: str
    con_id: int
    side: Side
    quantity: Decimal
    order_type: OrderType = OrderType.MKT
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    order_ref: str = ""
    owner: Hashable = None
    outside_rth: bool = False

    def __post_init__(self) -> None:
        # A plain "BUY" equals Side.BUY but is not it, and must not pass for a sale.
        for value, kind in (
            (self.side, Side),
            (self.order_type, OrderType),
            (self.time_in_force, TimeInForce),
        ):
            if type(value) is not kind:
                raise TypeError(f"{value!r} is not a {kind.__name__}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One order as it stood at `updated_at`; a later change is a new value with the same id."""

    #: unique on the exchange; what the TWS API calls permId
    order_id: int
    #: the terms in force, modifications included
    request: OrderRequest
    status: OrderState
    submitted_at: datetime
    updated_at: datetime
    filled: Decimal = _ZERO
    #: sum of price x quantity over the fills, without the contract multiplier
    filled_value: Decimal = _ZERO
    last_fill_price: Decimal | None = None
    reject_reason: Reason | None = None
    #: why a live order cannot trade now, "" when it can
    why_held: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.request.quantity - self.filled

    @property
    def average_fill_price(self) -> Decimal | None:
        return self.filled_value / self.filled if self.filled else None

    @property
    def is_done(self) -> bool:
        return self.status.is_done
