"""What an account process does: one operation with one broker session, result as JSON.

Operations that can trade hold the account's lock, so that two of them never meet; looking at an
account has a lock of its own, because it has a client id of its own. The session is closed at the
end, whatever happened.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from multiprocessing.connection import Connection

import structlog

from app.trading.broker_factory import (
    UnsupportedBroker,
    allocations_origin,
    create_allocation_source,
    create_broker_client,
    create_journal,
    create_rebalancer,
)
from broker_connector_base import (
    AccountDataError,
    Attention,
    BaseRebalancer,
    BrokerClient,
    BrokerConnectionError,
    BrokerError,
    Claim,
    MarketDataError,
    OrderOutcomeUnknown,
)
from broker_connector_base.values import Value
from rebalance_calculator import (
    AllocationError,
    PlanError,
    QuoteError,
    ReplacementError,
    SnapshotError,
)
from rebalance_workflow import (
    AccountBusy,
    AccountLock,
    AllocationSource,
    AllocationSourceError,
    Clock,
    JournalError,
    Permit,
    PermitWithdrawn,
    RebalanceStopped,
    RunJournal,
    SystemClock,
    always_permitted,
    asked_early,
)
from rebalance_workflow.order_ids import is_ours

from .cancelling import cancel_orders
from .diagnosis import diagnose
from .kept_journal import JournalUnavailable, KeptJournal
from .market_hours import MarketClosed, require_open_market
from .messages import TRADING, AccountJob, Failure, Job, Operation, StrategyJob
from .permission import NotPermitted, require_permission
from .rebalancing import RunInterrupted, rebalance
from .results import OrdersReport
from .strategy import plan_strategy

Progress = Callable[[bytes], None]

_log = structlog.get_logger(__name__)

_PLANS = frozenset({Operation.REBALANCE, Operation.PREVIEW})
_VIEWS = frozenset({Operation.POSITIONS, Operation.EQUITY, Operation.ORDERS, Operation.DIAGNOSE})

#: Errors before the first order that may be gone the next time: connections come back, and so do
#: quotes and an account's numbers.
_PASSING = (
    AccountBusy,
    AccountDataError,
    BrokerConnectionError,
    JournalUnavailable,
    MarketClosed,
    MarketDataError,
    PermitWithdrawn,
    QuoteError,
    SnapshotError,
)
#: Errors that say themselves what was not sent; anything else is a fault in the program.
_KNOWN = (
    AccountBusy,
    AllocationSourceError,
    BrokerError,
    JournalError,
    MarketClosed,
    NotPermitted,
    PermitWithdrawn,
    PlanError,
    RebalanceStopped,
    RunInterrupted,
    UnsupportedBroker,
)


async def perform(
    job: Job,
    progress: Progress,
    clock: Clock | None = None,
    permit: Permit = always_permitted,
    journal: RunJournal | None = None,
) -> bytes:
    """The result of the job as JSON; `progress` gets events as JSON meanwhile.

    `permit` is asked before each order; without a `journal` runs are written down in a file.
    """
    clock, journal = clock or SystemClock(), journal or create_journal(job.settings)
    async with _account(job, progress):
        if isinstance(job, StrategyJob):
            result: Value = await plan_strategy(job, clock)
        elif job.operation is Operation.DIAGNOSE:
            result = await diagnose(job)
        elif job.operation in _PLANS:
            result = await _rebalance(job, journal, progress, clock, permit)
        else:
            async with _session(job, clock) as broker:
                result = await _operate(job, broker)
    return result.model_dump_json().encode()


def open_journal(job: Job, pipe: Connection) -> RunJournal:
    """The journal of the job's run: the parent's at the end of the pipe, or a file."""
    file = create_journal(job.settings)
    if not job.parent_keeps_journal:
        return file
    end = socket.socket(fileno=os.dup(pipe.fileno()))
    return KeptJournal(end, job.subject, left_behind=file)


async def _rebalance(
    job: AccountJob, journal: RunJournal, progress: Progress, clock: Clock, permit: Permit
) -> Value:
    result: Value | None = None
    try:
        async with _rebalancer(job, journal, progress, clock, permit) as (rebalancer, early):
            if job.operation is Operation.PREVIEW:
                result = await rebalancer.calculate_rebalance(job.account)
            else:
                with _nothing_sent_yet(job):
                    await require_open_market(job, rebalancer.broker, early, clock.now())
                result = await rebalance(rebalancer, job.account, journal, clock)
    except asyncio.CancelledError:
        # Told to end while it closes its session: what was done is told all the same.
        if result is None:
            raise
    assert result is not None
    return result


@asynccontextmanager
async def _rebalancer(
    job: AccountJob, journal: RunJournal, progress: Progress, clock: Clock, permit: Permit
) -> AsyncIterator[tuple[BaseRebalancer, AllocationSource]]:
    source = create_allocation_source(job.settings)
    # The allocation service answers while the gateway lets us in.
    async with (
        asked_early(source, job.account.strategy_name) as early,
        _session(job, clock) as broker,
    ):
        rebalancer = create_rebalancer(
            job.account,
            broker,
            early,
            journal=journal,
            settings=job.settings,
            progress=lambda event: progress(event.model_dump_json().encode()),
            clock=clock,
            permit=permit,
        )
        yield rebalancer, early


async def _operate(job: AccountJob, broker: BrokerClient) -> Value:
    account_id = job.account.account_id
    if job.operation is Operation.ORDERS:
        return await _orders(broker, account_id)
    if job.operation is Operation.CANCEL_ORDERS:
        return await cancel_orders(broker, account_id)
    return await broker.get_account_snapshot(account_id)


async def _orders(broker: BrokerClient, account_id: str) -> OrdersReport:
    # This session looks with a client id of its own: whose an order is, its reference tells.
    orders = [
        order.model_copy(update={"own": is_ours(order.client_order_id, account_id)})
        for order in await broker.get_open_orders(account_id)
    ]
    return OrdersReport(account_id=account_id, orders=tuple(orders))


@asynccontextmanager
async def _session(job: AccountJob, clock: Clock) -> AsyncIterator[BrokerClient]:
    broker = create_broker_client(
        job.account,
        job.client_id,
        settings=job.settings,
        host=job.host,
        port=job.port,
        clock=clock,
    )
    try:
        with _nothing_sent_yet(job):
            await broker.connect()
            await require_permission(job, broker)
        yield broker
    finally:
        await broker.disconnect()


@asynccontextmanager
async def _account(job: Job, progress: Progress) -> AsyncIterator[None]:
    lock = AccountLock(job.settings.lock_directory, _lock_name(job), command=job.operation)
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(lock)
        except AccountBusy as busy:
            progress(json.dumps({"message": f"waiting: {busy}"}).encode())
            with _nothing_sent_yet(job):
                await stack.enter_async_context(lock.held(job.lock_timeout_seconds))
        yield


def _lock_name(job: Job) -> str:
    """Of what no two processes may hold the session at a time."""
    if isinstance(job, StrategyJob):
        return f"plan.{job.strategy_name}"
    return job.subject + (".view" if job.operation in _VIEWS else "")


@contextmanager
def _nothing_sent_yet(job: Job) -> Iterator[None]:
    """A cancellation in the block is told as what it is: harmless."""
    try:
        yield
    except asyncio.CancelledError:
        raise RunInterrupted(f"{job.operation} was interrupted; no order was sent") from None


def describe_failure(job: Job, error: BaseException) -> Failure:
    """The failure to report for an error that ended the job."""
    kind = type(error).__name__
    if isinstance(error, asyncio.CancelledError):
        return _describe_interruption(job, kind)
    if isinstance(error, _KNOWN):
        message = _message(job, error)
        return Failure(
            kind=kind,
            message=message,
            attention=_attention_to(error),
            passing=_is_passing(error),
            opens=error.opens if isinstance(error, MarketClosed) else None,
        )
    _log.error("unexpected_error", exc_info=error)
    return Failure(
        kind=kind,
        message=f"a fault in the program: {kind}: {error}; see {job.settings.log_directory}",
        # What a run does before it fails unexpectedly is anybody's guess.
        attention=Attention(claim=Claim.PROGRAM_FAULT) if job.operation in TRADING else None,
    )


def _message(job: Job, error: Exception) -> str:
    # As errors these arrive before the first order only.
    if isinstance(error, AllocationSourceError):
        return f"{error}. Nothing was sent."
    if isinstance(error, AllocationError | ReplacementError):
        origin = allocations_origin(job.settings)
        return f"targets of {job.strategy_name} from {origin}: {error}. Nothing was sent."
    return str(error)


def _describe_interruption(job: Job, kind: str) -> Failure:
    if job.operation not in TRADING:
        return Failure(kind=kind, message=f"{job.operation} was interrupted; no order was sent")
    message = (
        f"{job.operation} was interrupted; orders may be working or filled: look at the account. "
        "The next run reconciles from the journal before it sends anything."
    )
    return Failure(kind=kind, message=message, attention=Attention(claim=Claim.NO_RESULT))


def _attention_to(error: Exception) -> Attention | None:
    if isinstance(error, RebalanceStopped | RunInterrupted):
        return error.attention
    if isinstance(error, OrderOutcomeUnknown):
        return Attention(claim=Claim.ORDERS_IN_DOUBT, orders=(error.client_order_id,))
    return None


def _is_passing(error: Exception) -> bool:
    if isinstance(error, AllocationSourceError):
        return error.retryable
    if isinstance(error, RunInterrupted):
        return error.attention is None
    return isinstance(error, _PASSING)
