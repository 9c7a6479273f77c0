"""A rebalance that can be interrupted: nothing that it sent is left working if that can be helped.

Comes in: a rebalancer and the journal it writes to. Goes out: its result, or `RunInterrupted` once
the account's working orders have been cancelled as far as the broker confirms. What an interrupted
run says is only what the journal and the broker say; where they are silent, it says that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby

from broker_connector_base import (
    AccountConfig,
    Attention,
    BaseRebalancer,
    BrokerClient,
    BrokerConnectionError,
    Claim,
    Fill,
    RebalanceResult,
)
from rebalance_workflow import JournalError, RunJournal
from rebalance_workflow.clearing import attention_to, describe
from rebalance_workflow.journal import OrderIntent, RunStarted, unfinished

from .cancelling import cancel_orders
from .results import CancelReport

#: Together well within the time that the command gives an account process to end.
_CANCELLING_SECONDS = 10.0
_CONFIRMATION_SECONDS = 8.0
_READING_SECONDS = 5.0

_NEXT_RUN = "the next run reconciles from the journal before it sends anything"


class RunInterrupted(Exception):
    """A run was told to end before it was done; `attention` when anything is in doubt."""

    def __init__(self, message: str, attention: Attention | None = None) -> None:
        super().__init__(message)
        self.attention = attention


async def rebalance(
    rebalancer: BaseRebalancer, account: AccountConfig, journal: RunJournal
) -> RebalanceResult:
    """`rebalance_account`, and order when it is cancelled half-way.

    Raises what that raises, and `RunInterrupted` however often it is cancelled.
    """
    try:
        return await rebalancer.rebalance_account(account)
    except asyncio.CancelledError:
        intents, is_open = _intents_of_last_run(journal, account.account_id)
    if not intents:
        raise RunInterrupted("the run was interrupted before its first order; no order was sent")
    raise await _tidy_up(rebalancer.broker, account.account_id, intents, is_open)


def _intents_of_last_run(
    journal: RunJournal, account_id: str
) -> tuple[frozenset[str], frozenset[str]]:
    """Keys of all orders that the run may have sent, since an intent is written before its order
    goes, and of those whose end is not written down.
    """
    keys: set[str] = set()
    try:
        records = journal.recent(account_id)
    except JournalError as error:
        raise RunInterrupted(
            f"the run was interrupted, and what it sent cannot be told: {error}",
            Attention(claim=Claim.JOURNAL_UNREADABLE),
        ) from error
    for record in records:
        if isinstance(record, RunStarted):
            keys.clear()
        elif isinstance(record, OrderIntent):
            keys.add(record.client_order_id)
    still_open = {intent.client_order_id for intent in unfinished(records)}
    return frozenset(keys), frozenset(keys & still_open)


async def _tidy_up(
    broker: BrokerClient, account_id: str, intents: frozenset[str], is_open: frozenset[str]
) -> RunInterrupted:
    try:
        async with asyncio.timeout(_CANCELLING_SECONDS):
            await broker.connect()
            report = await cancel_orders(broker, account_id, timeout_seconds=_CONFIRMATION_SECONDS)
            untold = await _untold(broker, report, is_open)
        orders, attention = _describe_orders(report), _attention_to(report)
        if untold:
            orders += f", and the broker does not tell the end of {', '.join(untold)}"
            attention = Attention(claim=Claim.ORDERS_IN_DOUBT, orders=untold)
    except (Exception, asyncio.CancelledError) as error:
        orders = f"its orders may be working ({_reason(error)})"
        attention = Attention(claim=Claim.ORDERS_IN_DOUBT, orders=tuple(sorted(intents)))
    try:
        async with asyncio.timeout(_READING_SECONDS):
            fills = await broker.get_executions(account_id)
        trades = _describe_trades([fill for fill in fills if fill.client_order_id in intents])
    except (Exception, asyncio.CancelledError) as error:
        trades = f"what it traded could not be read ({_reason(error)})"
        attention = attention or Attention(claim=Claim.ACCOUNT_NOT_SEEN)
    end = f"Look at the account; {_NEXT_RUN}" if attention else "Run again to go on"
    return RunInterrupted(f"the run was interrupted: {orders}; {trades}. {end}.", attention)


async def _untold(
    broker: BrokerClient, report: CancelReport, keys: frozenset[str]
) -> tuple[str, ...]:
    """Keys of orders that were not listed and of which the broker does not say that they ended."""
    listed = {order.client_order_id for order in (*report.ended, *report.still_working)}
    asked = sorted(keys - listed)
    found = await asyncio.gather(*(broker.find_order(report.account_id, key) for key in asked))
    return tuple(
        key
        for key, order in zip(asked, found, strict=True)
        if order is None or not order.status.is_final
    )


def _describe_orders(report: CancelReport) -> str:
    if report.is_clear:
        return f"{len(report.ended)} working orders were cancelled"
    return f"{describe((*report.still_working, *report.foreign))} still working"


def _attention_to(report: CancelReport) -> Attention | None:
    if report.still_working:
        return attention_to(Claim.ORDERS_WORKING, report.still_working)
    return attention_to(Claim.ORDERS_OF_OTHERS, report.foreign) if report.foreign else None


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
