"""What the gateway says, as values in ib_async's terms, before anybody has judged it.

Comes in: fields as ib_async decoded them. Goes out: the same, by name. It changes no value.
"""

from __future__ import annotations

from dataclasses import dataclass

from ib_async import Contract
from ib_async.order import Order

OrderKey = tuple[int, int]
"""(client id, order id); manual orders, which have no order id, are (MANUAL, permId)."""

#: Stands for a client id where no client placed the order.
MANUAL = -1


def order_key(client_id: int, order_id: int, permanent_id: int) -> OrderKey:
    """The key under which an order is known, whoever placed it."""
    return (client_id, order_id) if order_id > 0 else (MANUAL, permanent_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountLine:
    """One account value, as text, in one currency ("BASE" or empty included)."""

    tag: str
    value: str
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionLine:
    """One position of one account."""

    contract: Contract
    quantity: float
    average_cost: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """One value of a quote; `type` is IB's tick type, MARKET_DATA_TYPE for the kind of feed."""

    type: int
    value: float
    size: float | None = None


MARKET_DATA_TYPE = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenLine:
    """One order in the list of those that are open."""

    key: OrderKey
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletedLine:
    """One order that has ended today."""

    contract: Contract
    order: Order
    status: str
