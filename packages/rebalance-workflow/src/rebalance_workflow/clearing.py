"""Takes back what earlier runs left working, before the account is looked at.

Comes in: the account's open orders. Goes out: those that nobody here placed, once ours are gone by
the broker's own word. An order is ours by its reference; others are cancelled only when the policy
says so and this session placed them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from broker_connector_base import (
    AccountSnapshot,
    Attention,
    BrokerAPIError,
    Claim,
    Fill,
    OpenOrder,
)

from .cancellation import cancel_and_wait
from .errors import RebalanceStopped, positions_unexplained
from .order_ids import is_ours
from .policy import RebalancePolicy
from .session import Session
from .settling import settled_snapshot


def split_orders(
    orders: Iterable[OpenOrder], account_id: str, policy: RebalancePolicy
) -> tuple[list[OpenOrder], list[OpenOrder]]:
    """Orders that a run takes back, and orders that it leaves alone."""
    ours: list[OpenOrder] = []
    foreign: list[OpenOrder] = []
    for order in orders:
        may_cancel = policy.foreign_orders == "cancel" and order.own
        mine = is_ours(order.client_order_id, account_id) or may_cancel
        (ours if mine else foreign).append(order)
    return ours, foreign


async def clear_orders(
    session: Session,
    account_id: str,
    orders: Sequence[OpenOrder],
    policy: RebalancePolicy,
    *,
    is_settled: bool,
) -> list[OpenOrder]:
    """Cancel ours and wait until the broker does not list them; returns the foreign ones.

    A fill that beats its cancellation is waited for until the account shows it; `is_settled` says
    that the account shows all earlier ones, without which the caller has to do that. Raises
    `RebalanceStopped` when one of ours cannot be cancelled in time.
    """
    ours, foreign = split_orders(orders, account_id, policy)
    if not ours:
        return foreign
    stranded = [order for order in ours if not order.own]
    if stranded:
        raise RebalanceStopped(
            f"{describe(stranded)} of an earlier run of account {account_id} can only be cancelled "
            "by the client id that placed them: use that client id, or cancel them by hand",
            attention_to(Claim.ORDERS_WORKING, stranded),
        )
    before = await session.ask(lambda: session.broker.get_account_snapshot(account_id))
    known = {fill.execution_id for fill in await _executions(session, account_id)}
    try:
        async with asyncio.timeout(policy.cancel_timeout_seconds):
            await session.ask(lambda: _cancel(session, account_id, ours))
    except TimeoutError:
        raise RebalanceStopped(
            f"{describe(ours)} of account {account_id} were asked to be cancelled and not all were "
            f"confirmed within {policy.cancel_timeout_seconds:g} s: cancel them by hand; no order "
            "was placed",
            attention_to(Claim.ORDERS_WORKING, ours),
        ) from None
    if is_settled:
        now = await _executions(session, account_id)
        late = [fill for fill in now if fill.execution_id not in known]
        await _see_in_account(session, before, late, policy)
    return foreign


def check_foreign_orders(foreign: Sequence[OpenOrder], symbols: Iterable[str]) -> None:
    """Raise `RebalanceStopped` when somebody else's order works in one of the symbols."""
    affected = set(symbols)
    in_the_way = [order for order in foreign if order.symbol in affected]
    if in_the_way:
        raise RebalanceStopped(
            f"{describe(in_the_way)} not placed by a rebalance would trade beside it: "
            "wait for them or cancel them; no order was placed",
            attention_to(Claim.ORDERS_OF_OTHERS, in_the_way),
        )


def attention_to(claim: Claim, orders: Sequence[OpenOrder]) -> Attention:
    """What is claimed of these orders."""
    return Attention(
        claim=claim,
        symbols=tuple(sorted({order.symbol for order in orders})),
        orders=tuple(order.client_order_id for order in orders if order.client_order_id),
    )


def describe(orders: Sequence[OpenOrder]) -> str:
    """The orders in words: count, sides, sizes and symbols."""
    listed = ", ".join(
        f"{'buy' if order.quantity > 0 else 'sell'} {abs(order.quantity):f} {order.symbol}"
        for order in orders
    )
    return f"{len(orders)} open order{'s' if len(orders) != 1 else ''} ({listed})"


async def _see_in_account(
    session: Session, before: AccountSnapshot, late: Sequence[Fill], policy: RebalancePolicy
) -> None:
    settled = await settled_snapshot(
        session,
        before,
        lambda: late,
        commission=policy.commission,
        timeout_seconds=policy.settle_timeout_seconds,
    )
    if not settled.positions_match:
        symbols = sorted(position.symbol for position in settled.check.mismatches)
        raise RebalanceStopped(
            f"account {before.account_id} does not show what its open orders filled before they "
            f"were cancelled: look at its positions of {', '.join(symbols)}; no order was placed",
            positions_unexplained(symbols),
        )


async def _executions(session: Session, account_id: str) -> list[Fill]:
    return await session.ask(lambda: session.broker.get_executions(account_id))


async def _cancel(session: Session, account_id: str, orders: Sequence[OpenOrder]) -> None:
    def refused(order: OpenOrder, error: BrokerAPIError) -> None:
        raise RebalanceStopped(
            f"the broker refused to cancel {describe([order])}: {error}; no order was placed",
            attention_to(Claim.ORDERS_WORKING, [order]),
        ) from error

    # No event is taken for a refusal: warnings about orders that work look alike.
    await cancel_and_wait(
        session.broker, account_id, orders, is_refusal=lambda _: False, on_refusal=refused
    )
