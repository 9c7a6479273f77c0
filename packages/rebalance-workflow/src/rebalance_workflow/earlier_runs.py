"""What the runs before left to the one that begins.

Comes in: the account's journal. Goes out: their orders that are not settled, those of them that the
broker must have, and what is known of the cash. The last two are forgotten after some minutes. What
was written down by a clock that was ahead counts as of now: that it is set right forgets nothing.
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

    #: The journal's recent records, oldest first.
    records: tuple[Record, ...]
    #: Orders that no outcome settles, oldest first.
    pending: tuple[OrderIntent, ...]
    #: Keys of those that were given up a short while ago though the broker must have them.
    doubts: frozenset[str]
    #: None when it is too long ago.
    cash: CashKnown | None
    #: What has to be written down again, with the right time.
    redated: tuple[Record, ...]


def earlier_runs(records: Sequence[Record], now: datetime) -> EarlierRuns:
    """From the journal's recent records of the account, oldest first."""
    doubts, cash = doubted(records, now), cash_known(records, now)
    ahead = [outcome for outcome in doubts if outcome.at > now]
    redated: list[Record] = [outcome.model_copy(update={"at": now}) for outcome in ahead]
    if cash is not None and cash.at > now:
        cash = cash.model_copy(update={"at": now})
        redated.append(cash)
    return EarlierRuns(
        records=tuple(records),
        pending=tuple(unfinished(records)),
        doubts=frozenset(outcome.client_order_id for outcome in doubts),
        cash=cash,
        redated=tuple(redated),
    )
