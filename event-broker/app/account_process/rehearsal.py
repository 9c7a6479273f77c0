"""What an account process does first, played through with made-up values, before it has a job.

A forked process shares its memory with the fork server until it writes to it, and Python writes to
whatever it looks at: what runs for the first time is slow, because each page of its memory is
copied then. No file, no network and no account is touched here.
"""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal

import httpx

from app.logs import SecretFreeFormatter
from broker_connector_base import AccountPosition, AccountSnapshot, ContractPrice
from rebalance_calculator import PlanPolicy, plan
from rebalance_workflow import HttpAllocationSource, TargetAllocation

_SYMBOLS = tuple(f"MADEUP{number}" for number in range(8))
_ANSWER = {
    "status": "success",
    "data": {
        "name": "rehearsal",
        "allocations": [{"symbol": symbol, "allocation": 1 / 8} for symbol in _SYMBOLS],
        "as_of": "2026-01-05",
    },
}


def rehearse() -> None:
    """Ask for targets that nobody publishes, and plan for an account that does not exist."""
    _plan(asyncio.run(_ask()))
    record = logging.LogRecord(__name__, logging.INFO, __file__, 0, "rehearsed", (), None)
    SecretFreeFormatter(()).format(record)


async def _ask() -> TargetAllocation:
    # The one that connects is made as well; it is only not asked.
    async with httpx.AsyncClient(verify=False):
        nobody = httpx.MockTransport(lambda _: httpx.Response(200, json=_ANSWER))
        source = HttpAllocationSource("http://nobody.invalid", "none", transport=nobody)
        return await source.fetch("rehearsal")


def _plan(target: TargetAllocation) -> None:
    held = tuple(
        AccountPosition(symbol=symbol, quantity=Decimal(150 if number % 2 else 50))
        for number, symbol in enumerate(_SYMBOLS)
    )
    snapshot = AccountSnapshot(
        account_id="rehearsal",
        total_value=Decimal(90_000),
        cash_balance=Decimal(10_000),
        positions=held,
    )
    quotes = [
        ContractPrice(symbol=symbol, bid=Decimal("99.99"), ask=Decimal("100.01"))
        for symbol in _SYMBOLS
    ]
    plan(snapshot, target.items, quotes, PlanPolicy()).model_dump_json()
