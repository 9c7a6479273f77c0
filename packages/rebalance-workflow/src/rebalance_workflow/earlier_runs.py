"""What the runs before left to the one that begins.

Comes in: the account's journal. Goes out: their orders that are not settled, those of them that the
broker must have, and what is known of the cash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .cash_memory import cash_known
from .journal import CashKnown, OrderIntent, Record, doubted, unfinished


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRuns:
    """Of one account."""

    #: Orders that no outcome settles, oldest first.
    pending: tuple[OrderIntent, ...]
    #: Keys of those that were given up a short while ago though the broker must have them.
    doubts: frozenset[str]
    #: None when it is too long ago.
    cash: CashKnown | None


def earlier_runs(records: Sequence[Record], now: datetime) -> EarlierRuns:
    """From the journal's recent records of the account, oldest first."""
    return EarlierRuns(
        pending=tuple(unfinished(records)),
        doubts=doubted(records, now),
        cash=cash_known(records, now),
    )
