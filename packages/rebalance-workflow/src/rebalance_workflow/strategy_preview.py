"""What all accounts of one strategy would trade now, as one row each.

Comes in: a reading of the accounts. Goes out: rows in its order of the accounts. Pure: nobody is
asked anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from broker_connector_base import AccountConfig

from .batch_rounds import AccountRounds, BatchRounds
from .preview import preview_result
from .strategy_reading import AccountStart, StrategyReading
from .strategy_results import AccountRow, figures_of, refused


def preview_strategy(
    accounts: Sequence[AccountConfig], reading: StrategyReading, *, now: datetime, exact: bool
) -> list[AccountRow]:
    """A row for each of the accounts that were read.

    Accounts with the same targets are planned together, each within its own rules: within 20 basis
    points (the 95th percentile) of a preview of it alone, and with `exact` the same.
    """
    rows = {
        start.planner.account.account_id: row
        for group in _alike(reading.starts)
        for start, row in zip(group, _plan(group, reading, now, exact), strict=True)
    }
    return [
        rows.get(account.account_id) or refused(account, reading.troubles[account.account_id])
        for account in accounts
    ]


def _alike(starts: Sequence[AccountStart]) -> list[list[AccountStart]]:
    """Accounts with the same targets, after their replacements."""
    groups: dict[object, list[AccountStart]] = {}
    for start in starts:
        groups.setdefault(start.planner.target.items, []).append(start)
    return list(groups.values())


def _plan(
    group: Sequence[AccountStart], reading: StrategyReading, now: datetime, exact: bool
) -> list[AccountRow]:
    planner = group[0].planner
    accounts = [AccountRounds(planner=s.planner, situation=s.situation) for s in group]
    rounds = BatchRounds(reading.instruments, reading.quotes, exact=exact)
    rounds.trade(accounts, most=planner.policy.max_rounds)
    return [_row(start, account, now) for start, account in zip(group, accounts, strict=True)]


def _row(start: AccountStart, rounds: AccountRounds, now: datetime) -> AccountRow:
    account = start.planner.account
    if rounds.error is not None:
        return refused(account, rounds.error)
    report = preview_result(start.planner, start.situation, rounds, start.open_orders, now)
    return AccountRow(
        account_id=account.account_id, account_type=account.type, figures=figures_of(report)
    )
