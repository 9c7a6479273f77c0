"""What an account process does: one operation with one broker session, result as JSON.

Operations that can trade hold the account's lock, so that two of them never meet; looking at an
account has a lock of its own, because it has a client id of its own. The session is closed at the
end, whatever happened.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NoReturn

from app.trading.broker_factory import create_broker_client, create_rebalancer
from broker_connector_base import BrokerClient, OrderOutcomeUnknown, RunStatus
from broker_connector_base.values import Value
from rebalance_workflow import AccountBusy, AccountLock, RebalanceStopped

from .cancelling import cancel_orders
from .diagnosis import diagnose
from .messages import AccountJob, Failure, Operation
from .results import OrdersReport

Progress = Callable[[bytes], None]

_VIEWS = frozenset({Operation.POSITIONS, Operation.EQUITY, Operation.ORDERS, Operation.DIAGNOSE})


#: Well within the time that the command gives an account process to end.
_TIDYING_SECONDS = 10.0


class RunInterrupted(Exception):
    """A run was told to end before it was done; `in_doubt` says that orders are still working."""

    def __init__(self, message: str, *, in_doubt: bool) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


async def perform(job: AccountJob, progress: Progress) -> bytes:
    """The result of the job as JSON; `progress` gets events as JSON meanwhile."""
    async with _account(job, progress):
        if job.operation is Operation.DIAGNOSE:
            result: Value = await diagnose(job)
        else:
            async with _session(job) as broker:
                result = await _operate(job, broker, progress)
    return result.model_dump_json().encode()


async def _operate(job: AccountJob, broker: BrokerClient, progress: Progress) -> Value:
    account_id = job.account.account_id
    if job.operation in (Operation.POSITIONS, Operation.EQUITY):
        return await broker.get_account_snapshot(account_id)
    if job.operation is Operation.ORDERS:
        orders = await broker.get_open_orders(account_id)
        return OrdersReport(account_id=account_id, orders=tuple(orders))
    if job.operation is Operation.CANCEL_ORDERS:
        return await cancel_orders(broker, account_id)
    rebalancer = create_rebalancer(
        job.account,
        broker,
        settings=job.settings,
        progress=lambda event: progress(event.model_dump_json().encode()),
    )
    if job.operation is Operation.PREVIEW:
        return await rebalancer.calculate_rebalance(job.account)
    try:
        return await rebalancer.rebalance_account(job.account)
    except asyncio.CancelledError:
        await _tidy_up(broker, account_id)


async def _tidy_up(broker: BrokerClient, account_id: str) -> NoReturn:
    """Cancel what an interrupted run left working, and say how far that went."""
    task = asyncio.current_task()
    assert task is not None
    # The cancellation is answered here; what follows has a deadline of its own.
    task.uncancel()
    report = await cancel_orders(broker, account_id, timeout_seconds=_TIDYING_SECONDS)
    if report.is_clear:
        message = f"{len(report.ended)} working orders were cancelled. Run again to go on"
    else:
        message = f"{len(report.still_working) + len(report.foreign)} orders are still working"
    raise RunInterrupted(f"the run was interrupted: {message}.", in_doubt=not report.is_clear)


@asynccontextmanager
async def _session(job: AccountJob) -> AsyncIterator[BrokerClient]:
    broker = create_broker_client(
        job.account, job.client_id, settings=job.settings, host=job.host, port=job.port
    )
    try:
        await broker.connect()
        yield broker
    finally:
        await broker.disconnect()


@asynccontextmanager
async def _account(job: AccountJob, progress: Progress) -> AsyncIterator[None]:
    name = job.account.account_id + (".view" if job.operation in _VIEWS else "")
    lock = AccountLock(job.settings.state_directory / "locks", name, command=job.operation)
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(lock)
        except AccountBusy as busy:
            progress(json.dumps({"message": f"waiting: {busy}"}).encode())
            await stack.enter_async_context(lock.held(job.lock_timeout_seconds))
        yield


def describe_failure(job: AccountJob, error: BaseException) -> Failure:
    """The failure to report for an error that ended the job."""
    if isinstance(error, asyncio.CancelledError):
        message = f"{job.operation} was interrupted; no order was sent"
    else:
        message = str(error) or type(error).__name__
    return Failure(kind=type(error).__name__, message=message, in_doubt=_in_doubt(error))


def _in_doubt(error: BaseException) -> bool:
    if isinstance(error, RebalanceStopped):
        return error.status is RunStatus.NEEDS_ATTENTION
    if isinstance(error, RunInterrupted):
        return error.in_doubt
    return isinstance(error, OrderOutcomeUnknown)
