"""What the runs before know of an account's cash, held against what the broker tells of it now.

Comes in: the journal's records and the account as it is told. Goes out: nothing, or an error when
there is more or less cash than those runs left. A broker may tell an old balance for minutes after
a trade. A run knows better while it trades (`settling`); the run after it would spend the same
money twice, or sell to cover a debt that is none. After some minutes the broker is believed: money
may have been paid in or out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from broker_connector_base import AccountDataError, AccountSnapshot, Fill
from rebalance_calculator import CommissionModel

from .commissions import untold_commission
from .journal import CashKnown, OrderIntent, Record, RunFinished
from .order_ids import is_ours
from .policy import RebalancePolicy
from .session import Session
from .settlement import spendable_cash
from .settling import CASH_TOLERANCE, growing_pauses

#: IB sends account values anew every three minutes (TWS API, reqAccountUpdates).
_REMEMBERED = timedelta(minutes=10)
_ZERO = Decimal(0)


def cash_known(records: Iterable[Record], now: datetime) -> CashKnown | None:
    """What is known from records of one account, oldest first; None when it is too long ago."""
    known: CashKnown | None = None
    for record in records:
        if isinstance(record, CashKnown):
            known = record
        elif isinstance(record, RunFinished):
            known = record.cash or known
        elif isinstance(record, OrderIntent) and known is not None:
            known = with_orders(known, [record.client_order_id], at=record.at)
    return known if known is not None and now - known.at < _REMEMBERED else None


def cash_of(snapshot: AccountSnapshot, *, run_id: str, at: datetime) -> CashKnown:
    """What a run knows before its first order."""
    return CashKnown(
        run_id=run_id,
        account_id=snapshot.account_id,
        at=at,
        cash=snapshot.traded_cash,
        spendable=spendable_cash(snapshot),
    )


def with_orders(known: CashKnown, keys: Iterable[str], *, at: datetime) -> CashKnown:
    """The same, with orders that were sent after it, the last of them at `at` or before."""
    orders = tuple(dict.fromkeys((*known.orders, *keys)))
    return known.model_copy(update={"orders": orders, "at": at})


async def waited_until_it_fits(
    session: Session, snapshot: AccountSnapshot, known: CashKnown, policy: RebalancePolicy
) -> bool:
    """Return when there is as much cash as the account can have: True if not in this snapshot.

    Raises `AccountDataError` when the broker does not come to tell so within the policy's time to
    settle, and its other errors.
    """
    pauses, waited = growing_pauses(policy.settle_timeout_seconds), False
    while True:
        fills = await session.ask(lambda: session.broker.get_executions(known.account_id))
        excess = _excess(known, fills, snapshot)
        lack = _lack(known, fills, snapshot, policy.commission)
        if max(excess, lack) <= CASH_TOLERANCE:
            return waited
        if (pause := next(pauses, None)) is None:
            off, more, paid = (excess, "more", "in") if excess > lack else (lack, "less", "out")
            raise AccountDataError(
                f"the broker tells of {off:.2f} {snapshot.currency} {more} cash in account "
                f"{known.account_id} than the runs before and other trades left: the balance "
                f"may be old. Nothing was sent. If money was paid {paid}, a run after "
                f"{known.at + _REMEMBERED:%Y-%m-%d %H:%M} UTC counts it"
            )
        await asyncio.sleep(pause)
        waited = True
        snapshot = await session.ask(lambda: session.broker.get_account_snapshot(known.account_id))


def _excess(known: CashKnown, fills: Sequence[Fill], snapshot: AccountSnapshot) -> Decimal:
    """By how much there is more than there can be.

    Of our orders every fill counts; of other people's trades the sales, whenever they were.
    """
    ours, others = _ours_and_others(known, fills)
    gifts = sum((max(_proceeds(fill), _ZERO) for fill in others), _ZERO)
    excess = snapshot.traded_cash - known.cash - gifts - sum(map(_proceeds, ours), _ZERO)
    spendable = spendable_cash(snapshot)
    if spendable is None or known.spendable is None:
        return excess
    # Nothing of a sale can be spent on the same day.
    spent = sum((min(_proceeds(fill), _ZERO) for fill in ours), _ZERO)
    return max(excess, spendable - known.spendable - spent)


def _lack(
    known: CashKnown, fills: Sequence[Fill], snapshot: AccountSnapshot, commission: CommissionModel
) -> Decimal:
    """By how much there is less than there must be.

    Of our orders every fill counts, with what is not told yet by the model; of other people's
    trades the purchases, whenever they were.
    """
    ours, others = _ours_and_others(known, fills)
    left = known.cash + sum(map(_proceeds, ours), _ZERO)
    left += sum((min(_proceeds(fill), _ZERO) for fill in others), _ZERO)
    left -= untold_commission([*ours, *others], snapshot.currency, commission)
    return left - snapshot.traded_cash


def _ours_and_others(known: CashKnown, fills: Sequence[Fill]) -> tuple[list[Fill], list[Fill]]:
    """Of the orders that are known to have moved the cash, and of people and other programs."""
    ours = [fill for fill in fills if fill.client_order_id in known.orders]
    others = [fill for fill in fills if not is_ours(fill.client_order_id, known.account_id)]
    return ours, others


def _proceeds(fill: Fill) -> Decimal:
    """Signed. A commission that is not told yet counts as nothing: that is the most that can have
    come in, and no right balance is refused because the broker charges less than some model. An
    old balance can hide no more behind it than those commissions.
    """
    return -fill.quantity * fill.price - (fill.commission or _ZERO)
