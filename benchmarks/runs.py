"""Whole runs in account processes: time to the first order, time to the end, messages, memory."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from app import fork_server
from app.account_process.messages import AccountJob, Operation
from app.account_process.process import run_account_process
from app.settings import load_settings, select_account
from benchmarks.machine import summarise
from benchmarks.world import World, world

_RUNS = 11
#: Runs before the counted ones: the first waits for the fork server and qualifies contracts.
_WARM_UP = 2


def measure() -> dict[str, Any]:
    """Runs with 10 and with 20 orders, instant fills, one account after another."""
    return {f"{symbols}_orders": _runs(symbols) for symbols in (10, 20)}


def _runs(symbols: int) -> dict[str, Any]:
    fork_server.start()
    memory: list[float] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        world(Path(scratch), symbols=symbols, accounts=_WARM_UP + _RUNS + 1) as far_side,
    ):
        *timed, weighed = far_side.account_ids
        samples = [_run(far_side, account_id, lambda _: None) for account_id in timed]
        _run(far_side, weighed, lambda _: memory.append(_unique_memory_mb()))
        arrivals = far_side.arrivals()
    counted = samples[_WARM_UP:]
    return {
        "first_order_ms": summarise([sample["first_order"] * 1e3 for sample in counted], "ms"),
        "run_ms": summarise([sample["end"] * 1e3 for sample in counted], "ms"),
        "first_ever_run_ms": round(samples[0]["end"] * 1e3, 1),
        "orders": sorted({len(orders) for orders in arrivals.orders.values()}),
        "outcomes": sorted({sample["outcome"] for sample in samples}),
        "most_messages_in_a_second": arrivals.max_messages_per_second,
        "account_process_uss_mb": round(max(memory), 1),
    }


def _run(far_side: World, account_id: str, on_progress: Callable[[bytes], None]) -> dict[str, Any]:
    settings = load_settings(far_side.home, {})
    job = AccountJob(
        operation=Operation.REBALANCE,
        account=select_account(settings, account_id),
        settings=settings,
        host="127.0.0.1",
        port=far_side.address.gateway_port,
        # As in the product, every account has a client id of its own.
        client_id=100 + far_side.account_ids.index(account_id),
        lock_timeout_seconds=10,
    )
    began = time.monotonic()
    result = asyncio.run(run_account_process(job, on_progress, deadline_seconds=60))
    ended = time.monotonic()
    return {
        "first_order": far_side.arrivals().first_order[account_id] - began,
        "end": ended - began,
        "outcome": json.loads(result)["status"],
    }


def _unique_memory_mb() -> float:
    """Unique set size of the account process, 0 when it has just ended."""
    for child in multiprocessing.active_children():
        if child.name.startswith("DU"):
            with suppress(psutil.NoSuchProcess):
                return float(psutil.Process(child.pid).memory_full_info().uss) / 2**20
    return 0.0
