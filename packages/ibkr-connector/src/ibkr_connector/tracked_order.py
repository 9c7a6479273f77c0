"""One order as the server describes it; ours from the moment before it is sent.

Comes in: what the ledger learns of it. Goes out: the order as a result, a listed order or an
update. It decides nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

from broker_connector_base import OpenOrder, OrderResult, OrderStatus, OrderUpdate

from .messages import OrderKey


@dataclass(kw_only=True, slots=True)
class TrackedOrder:
    """One order as the server describes it; ours from the moment before it is sent."""

    key: OrderKey
    order_id: str
    own: bool
    account_id: str
    symbol: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    time_in_force: str | None
    client_order_id: str | None
    permanent_id: str | None = None
    status: OrderStatus = OrderStatus.PENDING
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    #: The code that refused or cancelled it.
    code: str | None = None
    remarks: list[str] = field(default_factory=list)
    #: Set when the server has decided whether it has the order, or can no longer tell.
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    #: True while an error code, or its absence from the server's lists, has cast doubt on the state
    #: and no word of the server has settled it.
    in_doubt: bool = False
    #: True while the server lists it as open and inactive: it may be activated, or cancelled.
    is_inactive: bool = False
    #: True while none of the server's lists names it.
    is_unlisted: bool = False
    told: OrderUpdate | None = None

    @property
    def was_never_confirmed(self) -> bool:
        """True as long as the server has not said in any way that it has the order."""
        lost = self.status is OrderStatus.UNKNOWN and self.permanent_id is None
        return lost or not self.answered.is_set()

    @property
    def is_cancelled_unseen(self) -> bool:
        """True while the server owes a word on a cancellation and has had none on the order."""
        is_unseen = not self.was_acknowledged and not self.filled
        return is_unseen and self.status is OrderStatus.CANCELLING

    @property
    def was_acknowledged(self) -> bool:
        """True once IB has given it its permanent id: from then on it exists, listed or not."""
        return self.permanent_id is not None

    def is_meant_by(self, permanent_id: str | None, client_order_id: str | None) -> bool:
        """Whether a report under this order's number is about this order.

        Numbers start over when the gateway's order ids are reset; permanent ids and keys do not.
        """
        if self.permanent_id is not None and permanent_id is not None:
            return self.permanent_id == permanent_id
        return self.client_order_id == client_order_id

    def result(self) -> OrderResult:
        """For the caller who placed or looks for it."""
        return OrderResult(
            order_id=self.order_id,
            symbol=self.symbol,
            quantity=self.quantity,
            status=self.status,
            client_order_id=self.client_order_id,
            permanent_id=self.permanent_id,
            filled_quantity=self.filled,
            average_price=self.average_price,
            message="; ".join(self.remarks) or None,
        )

    def open_order(self) -> OpenOrder:
        """For the list of working orders."""
        return OpenOrder(
            order_id=self.order_id,
            symbol=self.symbol,
            quantity=self.quantity,
            status=self.status,
            order_type=self.order_type,
            account_id=self.account_id,
            client_order_id=self.client_order_id,
            permanent_id=self.permanent_id,
            filled_quantity=self.filled,
            limit_price=self.limit_price,
            time_in_force=self.time_in_force,
            own=self.own,
        )

    def update(self, code: str | None, message: str | None) -> OrderUpdate:
        """For those who follow the account's events."""
        return OrderUpdate(
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            permanent_id=self.permanent_id,
            symbol=self.symbol,
            status=self.status,
            filled_quantity=self.filled,
            remaining_quantity=max(abs(self.quantity) - self.filled, Decimal(0)),
            average_price=self.average_price,
            code=code,
            message=message,
        )
