"""Targets from an allocation service, good and bad."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.account_process.messages import Operation
from broker_connector_base import AccountConfig
from simulated_exchange import Event

from .conftest import ACCOUNT, GOOD, MakeJob, allocations, answer, failure, result


async def test_allocations_come_from_the_service_when_one_is_configured(
    make_job: MakeJob, serve: Callable[[bytes], Any]
) -> None:
    variables = {"ALLOCATIONS_BASE_URL": await serve(allocations(GOOD))}
    previewed = await result(make_job(Operation.PREVIEW, variables=variables))
    assert {line["symbol"] for line in previewed["target"]["items"]} == {"SPY", "AGG"}


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        (answer("401 Unauthorized", b""), "ALLOCATIONS_API_KEY"),
        (answer("200 OK", b"<html>"), "cannot be used"),
        (allocations(GOOD, status="error"), "cannot be used"),
        (allocations([]), "empty"),
        (allocations([*GOOD, {"symbol": "TLT", "allocation": 1}]), "sum to 2"),
        (allocations([{"symbol": "SPY", "allocation": 100}]), "percent"),
        (allocations([{"symbol": "SPY", "allocation": "nan"}]), "allocations.0"),
        (allocations([{"symbol": "SPY", "allocation": -1}]), "negative"),
        (allocations([*GOOD, GOOD[0]]), "repeats SPY"),
        (allocations([{"symbol": "NOPE", "allocation": 1}]), "NOPE"),
    ],
)
async def test_bad_allocations_stop_a_run_before_anything_is_sent(
    make_job: MakeJob,
    sent: list[Event],
    serve: Callable[[bytes], Any],
    reply: bytes,
    part: str,
) -> None:
    variables = {"ALLOCATIONS_BASE_URL": await serve(reply), "ALLOCATIONS_API_KEY": "sesame"}
    failed = await failure(make_job(Operation.REBALANCE, variables=variables))
    assert part in failed.message
    assert "sesame" not in failed.message
    assert sent == []


async def test_targets_that_cannot_be_used_are_told_with_their_strategy_and_origin(
    make_job: MakeJob, serve: Callable[[bytes], Any]
) -> None:
    address = await serve(allocations([]))
    job = make_job(
        Operation.PREVIEW,
        variables={"ALLOCATIONS_BASE_URL": address.replace("://", "://me:sesame@")},
    )
    failed = await failure(job)
    assert failed.kind == "AllocationError"
    assert failed.message.startswith(f"targets of {job.account.strategy_name} from {address}: ")
    assert failed.message.endswith(". Nothing was sent.")


async def test_targets_that_cannot_be_had_are_told_with_what_was_sent(
    make_job: MakeJob, serve: Callable[[bytes], Any]
) -> None:
    variables = {"ALLOCATIONS_BASE_URL": await serve(answer("401 Unauthorized", b""))}
    failed = await failure(make_job(Operation.REBALANCE, variables=variables))
    assert failed.message.endswith(". Nothing was sent.")


@pytest.mark.acceptance
async def test_a_service_that_fails_or_is_silent_is_given_up_in_the_end(
    make_job: MakeJob, serve: Callable[[bytes | None], Any], write: Callable[[str, str], Path]
) -> None:
    write("config.yaml", "api:\n  allocation_timeout_seconds: 1\n")
    jobs = [
        make_job(
            Operation.PREVIEW,
            variables={"ALLOCATIONS_BASE_URL": await serve(reply)},
            account=AccountConfig(account_id=account, type="paper", strategy_name="any"),
            client_id=number,
        )
        for number, (account, reply) in enumerate(
            [(ACCOUNT, answer("500 Internal Server Error", b"")), ("DU789012", None)], start=1
        )
    ]
    broken, silent = await asyncio.gather(*map(failure, jobs))
    assert broken.kind == silent.kind == "AllocationSourceError"
    assert "answered 500" in broken.message
    assert "no answer" in silent.message
