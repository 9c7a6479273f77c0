"""Cash accounts: what a sale brings is spent once it has settled.

To buy with the money of a sale before it has settled, and to sell those shares before it has, is
free-riding (Regulation T, 12 CFR 220.8(c)); a broker answers with 90 days of settled cash only. So
a cash account buys with settled cash alone: it sells today, and buys the rest when the money is
there, which for US stocks is the next business day (17 CFR 240.15c6-1, since 28 May 2024). A margin
account is not concerned.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from broker_connector_base import AccountSnapshot, Fill, Instrument
from rebalance_calculator import CommissionModel

from .commissions import told_commission, untold_commission

_ZERO = Decimal(0)


def unsettled_cash(snapshot: AccountSnapshot) -> Decimal:
    """The part of a cash account's cash that must not be spent yet; 0 in a margin account.

    All of it when the broker does not say what has settled.
    """
    if not snapshot.cash_account:
        return _ZERO
    return max(_ZERO, snapshot.cash_balance - (snapshot.settled_cash or _ZERO))


def spendable_cash(snapshot: AccountSnapshot) -> Decimal | None:
    """What buys may use of the cash in the account's currency; None where the balance is the limit.

    What has not settled is taken off it whole, in whatever currency it is.
    """
    if not snapshot.cash_account:
        return None
    return snapshot.own_cash - unsettled_cash(snapshot)


def spendable_after(
    before: AccountSnapshot, fills: Iterable[Fill], commission: CommissionModel
) -> Decimal | None:
    """`spendable_cash` when the fills are booked: less what was bought, nothing of what was sold.

    A commission that is not told yet is what the model says. None when `before` does not say what
    has settled.
    """
    spendable = spendable_cash(before)
    if spendable is None or before.settled_cash is None:
        return None
    bought = [fill for fill in fills if fill.quantity > 0]
    cost = untold_commission(bought, before.currency, commission)
    for fill in bought:
        cost += fill.quantity * fill.price + (told_commission(fill, before.currency) or _ZERO)
    return spendable - cost


def settlement_day(
    snapshot: AccountSnapshot, instruments: Iterable[Instrument], now: datetime
) -> date:
    """The day by which the cash has settled: the broker's, or else the next trading day.

    What is unsettled was sold before now, and settles before the next session opens; a bank holiday
    on a trading day makes it one day later. Without known hours it is the next weekday.
    """
    if snapshot.settles_on is not None:
        return snapshot.settles_on
    opens = [s.opens for i in instruments for s in i.liquid_hours if s.opens > now]
    if opens:
        return min(opens).date()
    day = now.date() + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day
