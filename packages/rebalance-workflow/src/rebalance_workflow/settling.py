"""Waits until the broker's picture of the account contains the fills.

Comes in: the account before the run and the fills since. Goes out: a snapshot whose positions are
exactly what the fills explain. Brokers book fills within moments, but not in the same one: a plan
on a picture without them would trade twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker_connector_base import AccountSnapshot, Fill
from rebalance_calculator import CommissionModel, Reconciliation, Verdict, reconcile

from .commissions import untold_commission
from .session import Session
from .settlement import spendable_after, spendable_cash
from .situation import own_stocks

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
#: A pause this long follows three quarters of a second in which the picture did not fit.
_SUSPICIOUS_PAUSE = 0.8
#: Commissions are charged in cents and interest may arrive meanwhile, account currency.
CASH_TOLERANCE = Decimal(1)


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The latest snapshot and how it compares with the fills."""

    before: AccountSnapshot
    snapshot: AccountSnapshot
    #: Commissions that are not told yet count as nothing here.
    check: Reconciliation
    #: What those are by the model.
    untold: Decimal
    #: What a cash account might spend before the fills, less what they bought; None when that was
    #: not told.
    spendable: Decimal | None
    #: False while orders are said to have traded more than the fills: an old picture of the account
    #: would match those.
    fills_are_complete: bool

    @property
    def positions_match(self) -> bool:
        """True when every share is where the fills put it, and all fills are known."""
        return self.fills_are_complete and not self.check.mismatches

    @property
    def cash_matches(self) -> bool:
        """True when the cash is what the fills left, within tolerance."""
        return self.fills_are_complete and self.check.verdict is Verdict.MATCH

    @property
    def cash_left(self) -> Decimal:
        """What the fills left, when what is not told yet costs what the model says."""
        return self.check.expected_cash - self.untold

    @property
    def lacks_cash(self) -> bool:
        """True when the snapshot shows less cash than the fills left: the balance is old, and the
        account looks smaller than it is.
        """
        return self.check.cash_difference < -(CASH_TOLERANCE + self.untold)

    @property
    def excess(self) -> Decimal:
        """By how much the snapshot shows more cash in the own currency than the fills left.

        It is held against the same before them, not against `cash_left`: that can be the balance.
        """
        return max(self.snapshot.own_cash - self.before.own_cash - self._change, Decimal(0))

    @property
    def total_excess(self) -> Decimal:
        """The same of cash in all currencies, in which is what the others have gained.

        The broker may tell the two balances in different age.
        """
        return max(self.snapshot.cash_balance - self.before.cash_balance - self._change, Decimal(0))

    @property
    def _change(self) -> Decimal:
        """What the fills brought in, when what is not told yet costs what the model says."""
        return self.check.cash_change - self.untold

    @property
    def cautious(self) -> AccountSnapshot:
        """The snapshot, with no more cash, and no more that may be spent, than the fills left."""
        told = self.snapshot
        cash = dict(told.cash_by_currency)
        if told.currency in cash or self.excess:
            # Where it is not listed, the balance, with others in it, would count.
            cash[told.currency] = told.own_cash - self.excess
        lowered = told.model_copy(
            update={
                "cash_balance": told.cash_balance - self.total_excess,
                "cash_by_currency": cash,
                "total_value": told.total_value - self._counted_excess(),
            }
        )
        return lowered.model_copy(update={"settled_cash": self._settled_part(lowered)})

    def _settled_part(self, lowered: AccountSnapshot) -> Decimal | None:
        """All that is in other currencies, and of the account's own what may be spent."""
        told, spendable = self.snapshot, spendable_cash(self.snapshot)
        if told.settled_cash is None or spendable is None or self.spendable is None:
            return told.settled_cash
        # What is said to have settled may be younger or older than the balance.
        spendable = min(spendable - self.excess, self.spendable)
        return lowered.cash_balance - lowered.own_cash + spendable

    def _counted_excess(self) -> Decimal:
        """What of the total excess is part of net liquidation: all of it, or nothing.

        The two can be of different age. When only the balance is old, net liquidation without the
        excess would look like a debt, and everything would be sold to cover it.
        """
        change = _unexplained(self.snapshot) - _unexplained(self.before)
        return Decimal(0) if change < -self.total_excess / 2 else self.total_excess


async def settled_snapshot(
    session: Session,
    before: AccountSnapshot,
    fills: Callable[[], Sequence[Fill]],
    *,
    commission: CommissionModel,
    timeout_seconds: float,
    are_complete: Callable[[], bool] = lambda: True,
    look_again: Callable[[], Awaitable[None]] | None = None,
) -> Settled:
    """Read the account until it matches the fills; after the timeout, the last reading.

    `fills` is asked anew at each reading, because one may still be on its way, and `are_complete`
    whether it is. When it does not come for a while, `look_again` is called before each reading:
    its report may be lost.
    """
    pauses = growing_pauses(timeout_seconds)
    while True:
        snapshot = await session.ask(lambda: session.broker.get_account_snapshot(before.account_id))
        latest = compare(before, fills(), snapshot, commission, fills_are_complete=are_complete())
        pause = next(pauses, None)
        if (latest.positions_match and latest.cash_matches) or pause is None:
            return latest
        await asyncio.sleep(pause)
        if look_again is not None and pause >= _SUSPICIOUS_PAUSE:
            await look_again()


def growing_pauses(seconds: float) -> Iterator[float]:
    """How long to wait between readings: at first briefly, in all as many seconds."""
    pause = _FIRST_PAUSE
    while seconds > 0:
        yield min(pause, seconds)
        seconds -= pause
        pause = min(pause * 2, _LONGEST_PAUSE)


def compare(
    before: AccountSnapshot,
    fills: Sequence[Fill],
    after: AccountSnapshot,
    commission: CommissionModel,
    *,
    fills_are_complete: bool = True,
) -> Settled:
    """Pure; a fill whose commission is not told yet may have cost what the model says."""
    untold = untold_commission(fills, before.currency, commission)
    check = reconcile(before, fills, after, cash_tolerance=CASH_TOLERANCE + untold)
    return Settled(
        before=before,
        snapshot=after,
        check=check,
        untold=untold,
        spendable=spendable_after(before, fills, commission),
        fills_are_complete=fills_are_complete,
    )


def _unexplained(snapshot: AccountSnapshot) -> Decimal:
    """Net liquidation that is neither cash, of any currency, nor a stock with a price."""
    stocks = sum((p.market_value or Decimal(0) for p in own_stocks(snapshot)), Decimal(0))
    return snapshot.total_value - snapshot.cash_balance - stocks
