"""An order, from request to its end.

Comes in: what a client asks for. Goes out: immutable orders, one for each state they pass through.
Never: a decision on whether the order is allowed or how it fills.
"""

from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

from .errors import Reason

_ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    MKT = "MKT"
    LMT = "LMT"
    #: a market order once the market has reached `stop_price`
    STP = "STP"
    #: a limit order once the market has reached `stop_price`
    STP_LMT = "STP LMT"
    #: a stop that follows the market at `trail_amount` or `trail_percent`, never back
    TRAIL = "TRAIL"
    #: the same, but it ends as a limit order `limit_offset` beyond the stop
    TRAIL_LIMIT = "TRAIL LIMIT"
    #: trades at the middle of the spread, within `limit_price` if that is given
    MIDPRICE = "MIDPRICE"

    @property
    def is_stop(self) -> bool:
        """Whether it waits for a trigger before it may trade."""
        return self in _STOPS


_STOPS = frozenset({OrderType.STP, OrderType.STP_LMT, OrderType.TRAIL, OrderType.TRAIL_LIMIT})


class TriggerMethod(IntEnum):
    """What must reach a stop price; the numbers of the TWS API (trigger_method_limit.html)."""

    #: what Interactive Brokers does for the kind of instrument; see `triggers.DEFAULT_METHODS`
    DEFAULT = 0
    LAST = 2
    BID_ASK = 4
    MIDPOINT = 8


class OcaType(IntEnum):
    """What a fill does to the rest of its one-cancels-all group; the numbers of the TWS API.

    Orders trade one after another here, so that nothing can be overfilled: REDUCE with and without
    block are the same.
    """

    #: the first fill, whole or in part, cancels the others
    CANCEL = 1
    #: the others are reduced by the part of the order that filled
    REDUCE = 2
    REDUCE_WITHOUT_BLOCK = 3


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
    #: accepted, waits for what `why_held` says: the open, its parent, a trigger, shares to borrow,
    #: or somebody who activates it
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
        return self in _DONE


_S = OrderState
#: From each state to the states that may follow; an empty row is an end.
TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    # CANCELLED: an IOC that arrives while the market is closed.
    _S.PENDING: frozenset({_S.HELD, _S.WORKING, _S.PENDING_CANCEL, _S.CANCELLED}),
    # EXPIRED: a stop for the day that nothing triggered.
    # PARTIALLY_FILLED: one that was inactive for a while.
    _S.HELD: frozenset(
        {
            _S.WORKING,
            _S.PARTIALLY_FILLED,
            _S.PENDING_CANCEL,
            _S.CANCELLED,
            _S.REJECTED,
            _S.EXPIRED,
        }
    ),
    _S.WORKING: frozenset(
        {_S.HELD, _S.PARTIALLY_FILLED, _S.FILLED, _S.PENDING_CANCEL, _S.CANCELLED, _S.EXPIRED}
    ),
    _S.PARTIALLY_FILLED: frozenset(
        {_S.HELD, _S.PARTIALLY_FILLED, _S.FILLED, _S.PENDING_CANCEL, _S.CANCELLED, _S.EXPIRED}
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


_DONE = frozenset(state for state, following in TRANSITIONS.items() if not following)

#: values of `Order.why_held`
MARKET_CLOSED = "market closed"
PARENT = "parent"
TRIGGER = "trigger"
#: a short sale, until somebody lends the shares
LOCATE = "locate"
#: the broker does not pass it on, until somebody activates it
INACTIVE = "inactive"


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
    #: where a stop triggers; where a trailing stop starts (None: from the market)
    stop_price: Decimal | None = None
    #: distance of a trailing stop, in money or in percent of the price it follows
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    #: how far beyond its stop a trailing limit may trade
    limit_offset: Decimal | None = None
    trigger_method: TriggerMethod = TriggerMethod.DEFAULT
    #: waits until this order has filled, and is cancelled when it ends otherwise
    parent_id: int | None = None
    #: of this account; "" for none
    oca_group: str = ""
    oca_type: OcaType = OcaType.CANCEL
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
class Changes:
    """New terms for a live order; None leaves a term as it is when they arrive."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    limit_offset: Decimal | None = None

    def apply(self, request: OrderRequest) -> OrderRequest:
        given: dict[str, Any] = {
            field.name: term
            for field in fields(self)
            if (term := getattr(self, field.name)) is not None
        }
        return replace(request, **given)


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
    #: where the stop stands now; a trailing one moves. None for what is no stop
    stop_price: Decimal | None = None
    #: whether the market has reached the stop
    triggered: bool = False

    @property
    def limit_price(self) -> Decimal | None:
        """The worst price at which it may trade; None when any will do."""
        request = self.request
        if request.limit_offset is None or self.stop_price is None:
            return request.limit_price
        buys = request.side is Side.BUY
        return self.stop_price + (request.limit_offset if buys else -request.limit_offset)

    @property
    def awaits_trigger(self) -> bool:
        return self.request.order_type.is_stop and not self.triggered

    @property
    def remaining(self) -> Decimal:
        return self.request.quantity - self.filled

    @property
    def average_fill_price(self) -> Decimal | None:
        return self.filled_value / self.filled if self.filled else None

    @property
    def is_done(self) -> bool:
        return self.status in _DONE
