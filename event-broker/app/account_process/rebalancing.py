"""A rebalance that can be interrupted: nothing that it sent is left working if that can be helped.

Comes in: a rebalancer and the journal it writes to. Goes out: its result, or `RunInterrupted` once
the account's working orders have been cancelled as far as the broker confirms. What an interrupted
run says is only what the journal and the broker say; where they are silent, it says that, and
writes it down: the next run must not take silence for an order that was never received.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from decimal import Decimal
from itertools import groupby

from broker_connector_base import (
    AccountConfig,
    Attention,
    BaseRebalancer,
    BrokerAPIError,
    BrokerClient,
    BrokerConnectionError,
    Claim,
    Fill,
    OrderResult,
    OrderStatus,
    RebalanceResult,
)
from rebalance_workflow import Clock, JournalError, RunJournal
from rebalance_workflow.clearing import attention_to, describe
from rebalance_workflow.journal import OrderIntent, OrderOutcome, RunStarted

from .cancelling import cancel_orders
from .results import CancelReport

#: Together well within the time that the command gives an account process to end.
_CANCELLING_SECONDS = 10.0
_CONFIRMATION_SECONDS = 8.0
_READING_SECONDS = 5.0

_NEXT_RUN = "the next run reconciles from the journal before it sends anything"


Found = Mapping[str, OrderResult | None]
"""Orders by their keys as the broker tells them; None: it does not."""


class RunInterrupted(Exception):
    """A run was told to end before it was done; `attention` when anything is in doubt."""

    def __init__(self, message: str, attention: Attention | None = None) -> None:
        super().__init__(message)
        self.attention = attention


async def rebalance(
    rebalancer: BaseRebalancer, account: AccountConfig, journal: RunJournal, clock: Clock
) -> RebalanceResult:
    """`rebalance_account`, and order when it is cancelled half-way.

    Raises what that raises, and `RunInterrupted` however often it is cancelled.
    """
    try:
        return await rebalancer.rebalance_account(account)
    except asyncio.CancelledError:
        sent, undecided = _orders_of_last_run(journal, account.account_id)
    if not sent:
        raise RunInterrupted("the run was interrupted before its first order; no order was sent")
    raise await _tidy_up(rebalancer.broker, account.account_id, sent, undecided, journal, clock)


def _orders_of_last_run(
    journal: RunJournal, account_id: str
) -> tuple[list[OrderIntent], list[OrderIntent]]:
    """All orders that the run may have sent, since an intent is written before its order goes, and
    those of them of which it is not written down that they can trade no more.
    """
    sent: list[OrderIntent] = []
    try:
        records = journal.recent(account_id)
    except JournalError as error:
        raise RunInterrupted(
            f"the run was interrupted, and what it sent cannot be told: {error}",
            Attention(claim=Claim.JOURNAL_UNREADABLE),
        ) from error
    for record in records:
        if isinstance(record, RunStarted):
            sent.clear()
        elif isinstance(record, OrderIntent):
            sent.append(record)
    outcomes = (record for record in records if isinstance(record, OrderOutcome))
    decided = {outcome.client_order_id for outcome in outcomes if outcome.is_decided}
    return sent, [intent for intent in sent if intent.client_order_id not in decided]


async def _tidy_up(
    broker: BrokerClient,
    account_id: str,
    sent: Sequence[OrderIntent],
    undecided: Sequence[OrderIntent],
    journal: RunJournal,
    clock: Clock,
) -> RunInterrupted:
    keys = {intent.client_order_id for intent in sent}
    found: Found = {}
    try:
        async with asyncio.timeout(_CANCELLING_SECONDS):
            await broker.connect()
            report, found = await _cancel(broker, account_id, undecided)
        orders, attention = _describe_orders(report, {intent.symbol for intent in sent})
        if untold := _untold(report, found):
            orders += f", and the broker does not tell the end of {', '.join(untold)}"
            attention = Attention(claim=Claim.ORDERS_IN_DOUBT, orders=untold)
    except (Exception, asyncio.CancelledError) as error:
        orders = f"its orders may be working ({_reason(error)})"
        attention = Attention(claim=Claim.ORDERS_IN_DOUBT, orders=tuple(sorted(keys)))
    # One that the broker does not tell of may have arrived all the same.
    outcomes = [
        OrderOutcome.as_told(
            intent,
            found.get(intent.client_order_id),
            untold=OrderStatus.UNKNOWN,
            at=clock.now(),
            arrived=True,
        )
        for intent in undecided
    ]
    if outcomes:
        with suppress(JournalError):
            journal.append(*outcomes)
    try:
        async with asyncio.timeout(_READING_SECONDS):
            fills = await broker.get_executions(account_id)
        trades = _describe_trades([fill for fill in fills if fill.client_order_id in keys])
    except (Exception, asyncio.CancelledError) as error:
        trades = f"what it traded could not be read ({_reason(error)})"
        attention = attention or Attention(claim=Claim.ACCOUNT_NOT_SEEN)
    end = f"Look at the account; {_NEXT_RUN}" if attention else "Run again to go on"
    return RunInterrupted(f"the run was interrupted: {orders}; {trades}. {end}.", attention)


async def _cancel(
    broker: BrokerClient, account_id: str, undecided: Sequence[OrderIntent]
) -> tuple[CancelReport, Found]:
    """Cancel what works, once more when an order has arrived behind the list of what does."""
    for _ in range(2):
        report = await cancel_orders(broker, account_id, timeout_seconds=_CONFIRMATION_SECONDS)
        found = dict(await asyncio.gather(*(_find(broker, intent) for intent in undecided)))
        listed = {order.client_order_id for order in report.still_working}
        live = {key for key, order in found.items() if order is not None and order.status.is_live}
        if live <= listed:
            break
    return report, found


async def _find(broker: BrokerClient, intent: OrderIntent) -> tuple[str, OrderResult | None]:
    """The order by its key; None when the broker has no word of it, or will not say."""
    key = intent.client_order_id
    try:
        return key, await broker.find_order(intent.account_id, key)
    except BrokerAPIError:
        return key, None


def _untold(report: CancelReport, found: Found) -> tuple[str, ...]:
    """Keys of orders that were not listed and of which the broker does not say that they ended."""
    listed = {order.client_order_id for order in (*report.ended, *report.still_working)}
    ended = {key for key, order in found.items() if order is not None and order.status.is_final}
    return tuple(sorted(found.keys() - listed - ended))


def _describe_orders(report: CancelReport, symbols: Set[str]) -> tuple[str, Attention | None]:
    """In words, and what is to be looked at; orders of others as far as they are in `symbols`."""
    if own := report.still_working:
        return f"{describe(own)} still working", attention_to(Claim.ORDERS_WORKING, own)
    words = "none of its orders works any more"
    foreign = [order for order in report.foreign if order.symbol in symbols]
    if not foreign:
        return words, None
    return (
        f"{words}, but {describe(foreign)} of somebody else",
        attention_to(Claim.ORDERS_OF_OTHERS, foreign),
    )


def _describe_trades(fills: Sequence[Fill]) -> str:
    """Signed shares and average price per symbol."""
    if not fills:
        return "nothing was traded"
    trades = []
    for symbol, group in groupby(sorted(fills, key=_symbol), key=_symbol):
        of_symbol = list(group)
        quantity = sum((fill.quantity for fill in of_symbol), Decimal(0))
        value = sum((fill.quantity * fill.price for fill in of_symbol), Decimal(0))
        average = f" at {value / quantity:,.4f}" if quantity else ""
        trades.append(f"{symbol} {quantity.normalize():+,f}{average}")
    return f"traded: {', '.join(trades)}"


def _symbol(fill: Fill) -> str:
    return fill.symbol


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "told to end a second time"
    if isinstance(error, TimeoutError):
        return "the broker did not answer in time"
    if isinstance(error, BrokerConnectionError):
        # Its own words are about the call that failed, which was not the run.
        return "the broker cannot be reached"
    return str(error)
