"""Cancelling the working orders of an account: ask, wait for the broker's word, look again.

Only orders of the account's own session can be cancelled; those of others are reported. A fill can
win against a cancellation, so the last word is the broker's list of working orders. Executions are
asked for after that: no trouble with them may keep an order working.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

from broker_connector_base import (
    BrokerAPIError,
    BrokerClient,
    Fill,
    OpenOrder,
    OrderStatus,
    OrderUpdate,
)
from rebalance_workflow.cancellation import cancel_and_wait

from .results import CancelReport

#: How long the broker may take to confirm; the same as before a rebalance.
CONFIRMATION_SECONDS = 60.0


async def cancel_orders(
    broker: BrokerClient, account_id: str, *, timeout_seconds: float = CONFIRMATION_SECONDS
) -> CancelReport:
    """Cancel the account's own working orders and say what became of them."""
    before = await broker.get_open_orders(account_id)
    own = [order for order in before if order.own]
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            # What was refused is still working, as the list below tells.
            await cancel_and_wait(
                broker, account_id, own, is_refusal=_is_refusal, on_refusal=lambda *_: None
            )
    after = {order.order_id for order in await broker.get_open_orders(account_id)}
    fills: list[Fill] = []
    fills_unknown = None
    try:
        fills = await broker.get_executions(account_id)
    except BrokerAPIError as error:
        fills_unknown = str(error)
    return CancelReport(
        account_id=account_id,
        ended=_select(own, after, working=False),
        still_working=_select(own, after, working=True),
        foreign=tuple(order for order in before if not order.own),
        fills=tuple(fill for order in own for fill in _filled_since(order, fills)),
        fills_unknown=fills_unknown,
    )


def _is_refusal(update: OrderUpdate) -> bool:
    """Whether the broker gave a reason why the order goes on working."""
    return update.code is not None and update.status is not OrderStatus.CANCELLING


def _filled_since(listed: OpenOrder, fills: Sequence[Fill]) -> list[Fill]:
    """The order's executions, oldest first, that its filled shares do not include yet."""
    later, counted = [], Decimal(0)
    for fill in fills:
        if _is_of(listed, fill):
            counted += abs(fill.quantity)
            if counted > listed.filled_quantity:
                later.append(fill)
    return later


def _is_of(order: OpenOrder, fill: Fill) -> bool:
    if order.permanent_id is not None and fill.permanent_id is not None:
        return order.permanent_id == fill.permanent_id
    return order.order_id == fill.order_id


def _select(orders: list[OpenOrder], after: set[str], *, working: bool) -> tuple[OpenOrder, ...]:
    return tuple(order for order in orders if (order.order_id in after) is working)
