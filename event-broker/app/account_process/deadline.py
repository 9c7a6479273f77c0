"""How long an account process may take; every step in it has a deadline of its own."""

from __future__ import annotations

from .messages import TRADING, Job, StrategyJob


def deadline_seconds(job: Job) -> float:
    """Seconds after which the process must be stuck."""
    trading = job.settings.config.trading
    seconds = job.lock_timeout_seconds + 120
    if isinstance(job, StrategyJob):
        seconds += len(job.accounts)
    if job.operation in TRADING:
        # Three rounds of sells and buys, each phase with its cancellations at the end.
        seconds += 3 * 2 * (trading.order_timeout_seconds + 90)
    return seconds
