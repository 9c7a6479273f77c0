"""When the cash of an account settles, the way a gateway tells it.

An `Account` and the instant of its telling come in; the account value `SettledCashByDate` goes out,
one line for each currency: `20261002:1234.56;20261005:2345.67` is what has settled today, and what
will have on each day on which more does. The last amount is all of the cash.

Source: streams of account values as publicly described. Account summaries do not have it.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from simulated_exchange import Account

from .texts import ZONE, money

_TAG = "SettledCashByDate"
_DAY = timedelta(days=1)


def settlement_texts(account: Account, at: datetime) -> Mapping[tuple[str, str], str]:
    """By tag and currency, a converted sum of all of it under `BASE`; `-S` says the same of the
    securities segment, which has all the cash."""
    rates = account.exchange_rates
    plans = {name: _plan(account, name, at) for name in account.cash}
    days = sorted({day for plan in plans.values() for day in plan})
    total = {
        day: sum((_on(plan, day) * rates[name] for name, plan in plans.items()), Decimal(0))
        for day in days
    }
    return {
        (tag, currency): ";".join(f"{day:%Y%m%d}:{money(plan[day])}" for day in sorted(plan))
        for currency, plan in {"BASE": total, **plans}.items()
        for tag in (_TAG, f"{_TAG}-S")
    }


def _plan(account: Account, currency: str, at: datetime) -> dict[date, Decimal]:
    """What of this currency will have settled as each of these days begins, today's as it is."""
    settled = account.settled_cash[currency]
    plan = {at.astimezone(ZONE).date(): settled}
    for sale in account.pending_sales:
        if sale.currency == currency:
            settled += sale.amount
            plan[_first_day_with(sale.settles)] = settled
    return plan


def _first_day_with(settles: datetime) -> date:
    """The first of the gateway's days that begins with this money settled."""
    local = settles.astimezone(ZONE)
    return local.date() if local.time() == time(0) else local.date() + _DAY


def _on(plan: Mapping[date, Decimal], day: date) -> Decimal:
    return plan[max(known for known in plan if known <= day)]
