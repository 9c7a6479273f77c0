"""Cancelling the working orders of an account: ask, wait for the broker's word, look again.

Only orders of the account's own session can be cancelled; those of others are reported. A fill can
win against a cancellation, so the last word is the broker's list of working orders.
"""

from __future__ import annotations

import asyncio

from broker_connector_base import (
    BrokerClient,
    Fill,
    OpenOrder,
    OrderExecutionError,
    OrderStatus,
    OrderUpdate,
)

from .results import CancelReport

#: How long the broker may take to confirm; the same as before a rebalance.
CONFIRMATION_SECONDS = 60.0


async def cancel_orders(
    broker: BrokerClient, account_id: str, *, timeout_seconds: float = CONFIRMATION_SECONDS
) -> CancelReport:
    """Cancel the account's own working orders and say what became of them."""
    async with broker.order_events(account_id) as events:
        before = await broker.get_open_orders(account_id)
        waiting = {order.order_id for order in before if order.own}
        for order_id in tuple(waiting):
            try:
                await broker.cancel_order(order_id)
            except OrderExecutionError:
                # It ended meanwhile, or the broker refused: the list below tells which.
                waiting.discard(order_id)
        fills: list[Fill] = []
        try:
            async with asyncio.timeout(timeout_seconds):
                while waiting:
                    event = await anext(events)
                    if isinstance(event, Fill):
                        fills.append(event)
                    elif isinstance(event, OrderUpdate) and _answers(event):
                        waiting.discard(event.order_id)
        except TimeoutError:
            pass
    after = {order.order_id for order in await broker.get_open_orders(account_id)}
    own = [order for order in before if order.own]
    return CancelReport(
        account_id=account_id,
        ended=_select(own, after, working=False),
        still_working=_select(own, after, working=True),
        foreign=tuple(order for order in before if not order.own),
        fills=tuple(fills),
    )


def _answers(update: OrderUpdate) -> bool:
    """Whether nothing more is to be expected: it has ended, or the broker gave a reason why not."""
    refused = update.code is not None and update.status is not OrderStatus.CANCELLING
    return update.status.is_final or refused


def _select(orders: list[OpenOrder], after: set[str], *, working: bool) -> tuple[OpenOrder, ...]:
    return tuple(order for order in orders if (order.order_id in after) is working)
