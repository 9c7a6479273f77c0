"""A rebalance that can be interrupted: nothing that it sent is left working if that can be helped.

Comes in: a rebalancer. Goes out: its result, or `RunInterrupted` once the account's working orders
have been cancelled as far as the broker confirms.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn

from broker_connector_base import AccountConfig, BaseRebalancer, RebalanceResult

from .cancelling import cancel_orders

#: Well within the time that the command gives an account process to end.
_TIDYING_SECONDS = 10.0


class RunInterrupted(Exception):
    """A run was told to end before it was done; `needs_attention` when orders still work."""

    def __init__(self, message: str, *, needs_attention: bool) -> None:
        super().__init__(message)
        self.needs_attention = needs_attention


async def rebalance(rebalancer: BaseRebalancer, account: AccountConfig) -> RebalanceResult:
    """`rebalance_account`, and order when it is cancelled half-way."""
    try:
        return await rebalancer.rebalance_account(account)
    except asyncio.CancelledError:
        await _tidy_up(rebalancer, account.account_id)


async def _tidy_up(rebalancer: BaseRebalancer, account_id: str) -> NoReturn:
    task = asyncio.current_task()
    assert task is not None
    # The cancellation is answered here; what follows has a deadline of its own.
    task.uncancel()
    report = await cancel_orders(rebalancer.broker, account_id, timeout_seconds=_TIDYING_SECONDS)
    if report.is_clear:
        message = f"{len(report.ended)} working orders were cancelled. Run again to go on"
    else:
        message = f"{len(report.still_working) + len(report.foreign)} orders are still working"
    raise RunInterrupted(
        f"the run was interrupted: {message}.", needs_attention=not report.is_clear
    )
