"""Runs that are interrupted or fail in a way that nobody foresaw."""

from __future__ import annotations

import asyncio
import json

import pytest

from app.account_process.messages import Operation
from app.account_process.operations import describe_failure, perform
from app.account_process.rebalancing import RunInterrupted
from broker_connector_base import Attention, Claim
from rebalance_workflow import AccountLock

from .conftest import ACCOUNT, MakeJob


async def test_a_fault_in_the_program_during_a_run_needs_attention(make_job: MakeJob) -> None:
    for operation, needs_attention in ((Operation.REBALANCE, True), (Operation.PREVIEW, False)):
        failed = describe_failure(make_job(operation), ZeroDivisionError("oops"))
        assert (failed.attention is not None) is needs_attention
        assert "ZeroDivisionError: oops" in failed.message


async def test_an_interruption_that_may_have_left_orders_needs_attention(
    make_job: MakeJob,
) -> None:
    looked = describe_failure(make_job(Operation.PREVIEW), asyncio.CancelledError())
    assert looked.message == "print-rebalance was interrupted; no order was sent"
    assert looked.attention is None
    for operation in (Operation.REBALANCE, Operation.CANCEL_ORDERS):
        traded = describe_failure(make_job(operation), asyncio.CancelledError())
        assert "orders may be working or filled" in traded.message
        assert traded.attention == Attention(claim=Claim.NO_RESULT)


async def test_a_run_that_is_interrupted_while_it_waits_has_sent_nothing(
    make_job: MakeJob,
) -> None:
    job = make_job(Operation.REBALANCE)
    waiting = asyncio.Event()
    with AccountLock(job.settings.state_directory / "locks", ACCOUNT):
        run = asyncio.create_task(perform(job, lambda _: waiting.set()))
        await waiting.wait()
        run.cancel()
        with pytest.raises(RunInterrupted) as caught:
            await run
    failed = describe_failure(job, caught.value)
    assert failed.message == "rebalance was interrupted; no order was sent"
    assert failed.attention is None


async def test_a_run_that_is_told_to_end_after_its_end_still_reports(make_job: MakeJob) -> None:
    def interrupt_at_the_end(body: bytes) -> None:
        if json.loads(body)["stage"] == "finished":
            run.cancel()

    run = asyncio.create_task(perform(make_job(Operation.REBALANCE), interrupt_at_the_end))
    assert json.loads(await run)["status"] == "done"
