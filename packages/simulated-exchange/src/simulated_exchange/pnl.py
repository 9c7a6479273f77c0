"""Profit and loss of a day.

Comes in: the books and the market. Goes out: what an account, or one position of it, gained since
the previous close. Never: a change of anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from .accounts import ZERO, Holding, Ledger
from .books import Books
from .events import Execution
from .market import Market

#: the day of all accounts begins at midnight here
_ZONE = ZoneInfo("America/New_York")


@dataclass(frozen=True, kw_only=True, slots=True)
class PnL:
    """Of one position in the instrument's currency, of an account in its base currency."""

    #: change since the previous close, trades and commissions of the day included
    daily: Decimal
    #: of what is held, against its average cost
    unrealized: Decimal
    #: by the day's closing trades, commissions included
    realized: Decimal


def account_pnl(books: Books, market: Market, ledger: Ledger, at: datetime) -> PnL:
    """The sum over everything that the account holds or has traded."""
    total = PnL(daily=ZERO, unrealized=ZERO, realized=ZERO)
    for con_id in ledger.holdings:
        rate = market.rate(market.currency(con_id), ledger.base_currency)
        one = position_pnl(books, market, ledger, con_id, at)
        total = PnL(
            daily=total.daily + one.daily * rate,
            unrealized=total.unrealized + one.unrealized * rate,
            realized=total.realized + one.realized * rate,
        )
    return total


def position_pnl(books: Books, market: Market, ledger: Ledger, con_id: int, at: datetime) -> PnL:
    """Of one instrument; zeros if the account never had it.

    After a split of the day, `daily` counts from the split, whose quotes and shares agree.
    """
    holding = ledger.holdings.get(con_id, Holding())
    multiplier = market.instrument(con_id).multiplier
    mark, close = market.mark(con_id), market.quote(con_id).close
    opened_at = mark if close is None else close * multiplier
    traded = paid = realized = ZERO
    for fill in _fills_of_day(books, ledger, con_id, at):
        report = books.reports[fill.exec_id]
        traded += fill.signed_quantity
        paid += fill.signed_quantity * fill.price * multiplier + report.commission
        realized += report.realized_pnl or ZERO
    held_before = holding.quantity - traded
    return PnL(
        daily=holding.quantity * mark - held_before * opened_at - paid,
        unrealized=holding.quantity * mark - holding.cost,
        realized=realized,
    )


def _fills_of_day(books: Books, ledger: Ledger, con_id: int, at: datetime) -> Iterator[Execution]:
    local = at.astimezone(_ZONE)
    since = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = books.last_adjustment(ledger.account_id, con_id)
    for fill in books.effective_executions(first):
        mine = fill.request.account_id == ledger.account_id and fill.request.con_id == con_id
        if mine and fill.at >= since:
            yield fill
