"""Cancelling the working orders of an account: ask, wait for the broker's word, look again.

Only orders of the account's own session can be cancelled; those of others are reported. A fill can
win against a cancellation, so the last word is the broker's list of working orders.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from broker_connector_base import (
    BrokerClient,
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
    known = {fill.execution_id for fill in await broker.get_executions(account_id)}
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            # What was refused is still working, as the list below tells.
            await cancel_and_wait(
                broker, account_id, own, is_refusal=_is_refusal, on_refusal=lambda *_: None
            )
    after = {order.order_id for order in await broker.get_open_orders(account_id)}
    fills = await broker.get_executions(account_id)
    return CancelReport(
        account_id=account_id,
        ended=_select(own, after, working=False),
        still_working=_select(own, after, working=True),
        foreign=tuple(order for order in before if not order.own),
        fills=tuple(fill for fill in fills if fill.execution_id not in known),
    )


def _is_refusal(update: OrderUpdate) -> bool:
    """Whether the broker gave a reason why the order goes on working."""
    return update.code is not None and update.status is not OrderStatus.CANCELLING


def _select(orders: list[OpenOrder], after: set[str], *, working: bool) -> tuple[OpenOrder, ...]:
    return tuple(order for order in orders if (order.order_id in after) is working)
