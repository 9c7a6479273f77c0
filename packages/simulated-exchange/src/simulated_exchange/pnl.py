"""Profit and loss of a day.

Comes in: the books and the market. Goes out: what an account, or one position of it, gained since
the previous close. Never: a change of anything.
"""

from collections.abc import Iterable, Iterator
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
    fills: dict[int, list[Execution]] = {}
    for fill in _fills_of_day(books, ledger, at):
        fills.setdefault(fill.request.con_id, []).append(fill)
    daily = unrealized = realized = ZERO
    for con_id in ledger.holdings:
        rate = market.rate(market.currency(con_id), ledger.base_currency)
        one = _pnl(books, market, ledger, con_id, fills.get(con_id, ()))
        daily += one.daily * rate
        unrealized += one.unrealized * rate
        realized += one.realized * rate
    return PnL(daily=daily, unrealized=unrealized, realized=realized)


def position_pnl(books: Books, market: Market, ledger: Ledger, con_id: int, at: datetime) -> PnL:
    """Of one instrument; zeros if the account never had it.

    After a split of the day, `daily` counts from the split, whose quotes and shares agree.
    """
    fills = [fill for fill in _fills_of_day(books, ledger, at) if fill.request.con_id == con_id]
    return _pnl(books, market, ledger, con_id, fills)


def _pnl(
    books: Books, market: Market, ledger: Ledger, con_id: int, fills: Iterable[Execution]
) -> PnL:
    holding = ledger.holdings.get(con_id, Holding())
    multiplier = market.instrument(con_id).multiplier
    mark, close = market.mark(con_id), market.quote(con_id).close
    opened_at = mark if close is None else close * multiplier
    traded = paid = realized = ZERO
    for fill in fills:
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


def _fills_of_day(books: Books, ledger: Ledger, at: datetime) -> Iterator[Execution]:
    """The account's, without those of a position before something else changed it."""
    since = at.astimezone(_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    adjusted = books.last_adjustments(ledger.account_id)
    for number, fill in books.effective_executions():
        request = fill.request
        mine = request.account_id == ledger.account_id and fill.at >= since
        if mine and number >= adjusted.get(request.con_id, 0):
            yield fill
