"""Whole runs in account processes: time to the first order, time to the end, messages, memory."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from app import fork_server
from app.account_process.messages import AccountJob, Operation
from app.account_process.process import run_account_process
from app.settings import load_settings, select_account
from benchmarks.machine import summarise
from benchmarks.world import World, world
from simulated_exchange import Event, OrderChanged

_RUNS = 11
_CLIENT_ID = 101


def measure() -> dict[str, Any]:
    """Runs with 10 and with 20 orders, instant fills, one account after another."""
    return {f"{symbols}_orders": _runs(symbols) for symbols in (10, 20)}


def _runs(symbols: int) -> dict[str, Any]:
    fork_server.start()
    with (
        tempfile.TemporaryDirectory() as scratch,
        world(Path(scratch), symbols=symbols, accounts=_RUNS + 1) as far_side,
    ):
        memory = _MemoryAtFirstOrder(far_side)
        samples = [asyncio.run(_run(far_side, name)) for name in far_side.account_ids]
        return {
            # The first run also qualifies contracts and waits for the fork server.
            "first_order_ms": summarise([s["first_order"] * 1e3 for s in samples[1:]], "ms"),
            "run_ms": summarise([s["end"] * 1e3 for s in samples[1:]], "ms"),
            "first_ever_run_ms": round(samples[0]["end"] * 1e3, 1),
            "orders": sorted({s["orders"] for s in samples}),
            "outcomes": sorted({s["outcome"] for s in samples}),
            "most_messages_in_a_second": far_side.gateway.statistics.max_messages_per_second,
            "account_process_uss_mb": summarise(memory.samples, "MB"),
        }


async def _run(far_side: World, account_id: str) -> dict[str, Any]:
    settings = load_settings(far_side.home, {})
    account = select_account(settings, account_id)
    job = AccountJob(
        operation=Operation.REBALANCE,
        account=account,
        settings=settings,
        host="127.0.0.1",
        port=far_side.port,
        client_id=_CLIENT_ID,
        lock_timeout_seconds=10,
    )
    began = time.monotonic()
    result = await run_account_process(job, lambda _: None, deadline_seconds=60)
    ended = time.monotonic()
    return {
        "first_order": far_side.arrivals.first_order[account_id] - began,
        "end": ended - began,
        "orders": len(far_side.arrivals.orders[account_id]),
        "outcome": json.loads(result)["status"],
    }


class _MemoryAtFirstOrder:
    """Unique set size of the account process at the moment its first order arrives."""

    def __init__(self, far_side: World) -> None:
        self.samples: list[float] = []
        self._seen: set[str] = set()
        far_side.gateway.desk.exchange.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, OrderChanged) and event.order.request.account_id not in self._seen:
            self._seen.add(event.order.request.account_id)
            for child in multiprocessing.active_children():
                if child.pid is not None:
                    uss = psutil.Process(child.pid).memory_full_info().uss
                    self.samples.append(uss / 2**20)
