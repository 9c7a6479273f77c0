"""What happened, as values.

Comes in: facts that the exchange has already booked. Goes out: records to keep and events to
deliver. Never: a question; a subscriber that wants more asks the exchange.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from .errors import Reason
from .orders import Order, OrderRequest, Side
from .quotes import Quote


class Liquidity(StrEnum):
    """Whether a fill added liquidity (it rested) or removed it (it crossed the spread)."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One fill. Quantities are positive, prices in the instrument's currency."""

    #: in Interactive Brokers' pattern: 0000e0d5.67fe667b.01.01
    exec_id: str
    order_id: int
    #: the order's terms when it filled: account, instrument, side, reference, owner
    request: OrderRequest
    quantity: Decimal
    price: Decimal
    at: datetime
    #: of the order, this fill included
    cumulative_quantity: Decimal
    average_price: Decimal
    liquidity: Liquidity

    @property
    def signed_quantity(self) -> Decimal:
        return self.quantity if self.request.side is Side.BUY else -self.quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class CommissionReport:
    """What one fill cost, positive, and what it realized after that cost (None if it opened)."""

    exec_id: str
    commission: Decimal
    currency: str
    realized_pnl: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderChanged:
    """An order reached a new state, or its terms changed."""

    order: Order


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRefused:
    """A change of an order was refused when it arrived; the order goes on as it was."""

    order: Order
    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Executed:
    """An order filled, in whole or in part."""

    execution: Execution


@dataclass(frozen=True, kw_only=True, slots=True)
class CommissionCharged:
    """The cost of a fill, which the books already contain."""

    execution: Execution
    report: CommissionReport


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionChanged:
    """The position after a fill: signed quantity, average cost with commissions (0 when flat)."""

    account_id: str
    con_id: int
    quantity: Decimal
    average_cost: Decimal
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountChanged:
    """The cash of one currency after a fill and its commission."""

    account_id: str
    currency: str
    cash: Decimal
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class QuoteChanged:
    """An instrument has a new quote."""

    con_id: int
    quote: Quote


Event = (
    OrderChanged
    | ChangeRefused
    | Executed
    | PositionChanged
    | AccountChanged
    | CommissionCharged
    | QuoteChanged
)
