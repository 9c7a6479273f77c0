"""What each of IB's order states means in ours, as a table.

Comes in: the status text of a server message (`orderStatus`, `openOrder`, `completedOrder`).
Goes out: an `OrderStatus`. It never looks at ib_async's local status, which marks live orders
Cancelled on many error codes.
"""

from __future__ import annotations

from types import MappingProxyType

from broker_connector_base import OrderStatus

INACTIVE = "Inactive"

#: Source: IB's order status table, https://interactivebrokers.github.io/tws-api/order_submission.html
STATUS = MappingProxyType(
    {
        "ApiPending": OrderStatus.PENDING,
        # Sent on to the destination without its confirmation; may stay so for ever.
        "PendingSubmit": OrderStatus.PENDING,
        # Normal for orders held for the open and for simulated order types.
        "PreSubmitted": OrderStatus.WORKING,
        "Submitted": OrderStatus.WORKING,
        # ib_async's own word for "accepted with a warning" (399 and the like): the order is live.
        "ValidationError": OrderStatus.WORKING,
        # Still fillable until Cancelled comes.
        "PendingCancel": OrderStatus.CANCELLING,
        "Cancelled": OrderStatus.CANCELLED,
        "ApiCancelled": OrderStatus.CANCELLED,
        "Filled": OrderStatus.FILLED,
        # Refused by IB or the exchange; for the exceptions see `order_status`, and
        # `OrderLists.open` for one that is listed as open all the same.
        INACTIVE: OrderStatus.REJECTED,
    }
)


def order_status(text: str, why_held: str = "") -> OrderStatus:
    """Our state for IB's word; UNKNOWN for a word that is not in the table."""
    if text == INACTIVE and "locate" in why_held:
        # Held while shares to borrow are looked for; it becomes Submitted when they are found.
        return OrderStatus.WORKING
    return STATUS.get(text, OrderStatus.UNKNOWN)
