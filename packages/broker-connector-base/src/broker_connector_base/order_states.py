"""The life of an order as a table: which states follow which, and which are final.

Comes in: the state we believe and the state the broker reports. Goes out: the state to believe
next. Executions are the truth about quantity; this table is only about the label. It never waits
and never asks.
"""

from __future__ import annotations

from enum import StrEnum


class OrderStatus(StrEnum):
    """Normalised order states across brokers."""

    #: Written down or handed to the transport; the broker has not answered.
    PENDING = "PENDING"
    #: The broker has it: held for the open, resting, or partly filled.
    WORKING = "WORKING"
    #: A cancellation was asked for; the order can still fill.
    CANCELLING = "CANCELLING"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    #: The broker does not know the order.
    NOT_FOUND = "NOT_FOUND"
    #: The order id made no sense.
    ERROR = "ERROR"
    #: It may be anything above: reconcile.
    UNKNOWN = "UNKNOWN"

    @property
    def is_final(self) -> bool:
        """True when the broker will not change it by itself; a late fill still can (see `NEXT`)."""
        return self in FINAL

    @property
    def is_live(self) -> bool:
        """True when shares can still be bought or sold by it, as far as anybody knows."""
        return self in LIVE


FINAL = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)
LIVE = frozenset(
    {OrderStatus.PENDING, OrderStatus.WORKING, OrderStatus.CANCELLING, OrderStatus.UNKNOWN}
)

_ANY = frozenset(OrderStatus) - {OrderStatus.NOT_FOUND, OrderStatus.ERROR}

NEXT: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: _ANY,
    # Back to PENDING never happens: a late "pending" is an old report overtaken by a newer one.
    OrderStatus.WORKING: _ANY - {OrderStatus.PENDING},
    # A refused cancellation leaves the order working; a fill can beat the cancellation. That there
    # is no such order is the answer for one that was lost on its way and cancelled unseen.
    OrderStatus.CANCELLING: (_ANY - {OrderStatus.PENDING}) | {OrderStatus.NOT_FOUND},
    # Filled is the end: later "cancelled" or "working" labels are reports that lost the race.
    OrderStatus.FILLED: frozenset({OrderStatus.FILLED}),
    # Cancelled, then filled: the fill was on its way when the cancellation was confirmed.
    # Cancelled, then working: the cancellation was only rumoured (a warning code mistaken for an
    # end) and the broker corrects it.
    OrderStatus.CANCELLED: frozenset(
        {OrderStatus.CANCELLED, OrderStatus.FILLED, OrderStatus.WORKING, OrderStatus.EXPIRED}
    ),
    # Rejected, then working: IBKR's Inactive while a locate is pending can revive.
    OrderStatus.REJECTED: frozenset(
        {OrderStatus.REJECTED, OrderStatus.WORKING, OrderStatus.FILLED, OrderStatus.CANCELLED}
    ),
    # Expired, then filled: the last execution of the session was reported late.
    OrderStatus.EXPIRED: frozenset({OrderStatus.EXPIRED, OrderStatus.FILLED}),
    OrderStatus.UNKNOWN: frozenset(OrderStatus),
    OrderStatus.NOT_FOUND: frozenset(OrderStatus),
    OrderStatus.ERROR: frozenset({OrderStatus.ERROR}),
}


def advance(believed: OrderStatus, reported: OrderStatus) -> OrderStatus:
    """The state to believe after a report; a report that cannot follow is an old one and is
    ignored.
    """
    return reported if reported in NEXT[believed] else believed
