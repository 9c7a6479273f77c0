"""From a book to trades: the bridge between exact values and the floating-point search.

In: a book.  Out: the trades that come closest to the targets and a lower bound on how close any
could come.  Whatever the search says is verified in Decimal before it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from .book import Asset, Book, Trades
from .fitting import Curves, fit, sell_down

#: Objective, in basis points of the total value, below which an improvement is not searched for.
_TOLERANCE_BP = 0.002
#: Money within which floating-point sums of an account are trusted.
_NOISE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Trades of a book and the least objective that any trades could have, in money."""

    trades: Trades
    bound: Decimal


def fit_book(book: Book) -> Fitted:
    """The best permitted trades: forced sales, and the free trades that fit best around them."""
    forced = book.forced()
    free = [asset for asset in book.assets.values() if asset.is_free]
    curves = _curves(free, book)
    spendable = float(book.spendable(forced))
    tolerance = float(book.total) * _TOLERANCE_BP / 2e4
    held_back = float(
        sum(
            (max(a.target - a.value, Decimal(0)) for a in book.assets.values() if not a.is_free),
            Decimal(0),
        )
    )
    for slack in (_NOISE, -_NOISE):
        found = fit(curves, spendable + slack, tolerance=tolerance)
        if found is None:
            break
        trades = forced | _trades(free, found.lots.tolist())
        if book.spendable(trades) >= 0:
            break
    if found is None:
        trades = forced | _trades(free, sell_down(curves).tolist())
        return Fitted(trades=trades, bound=book.objective(trades))
    return Fitted(trades=_within_cash(book, trades), bound=Decimal(2 * (found.bound + held_back)))


def _within_cash(book: Book, trades: dict[str, Decimal]) -> dict[str, Decimal]:
    """Give up lots of the cheapest buys until the cash holds exactly."""
    trades = dict(trades)
    while book.spendable(trades) < 0:
        bought = [book.assets[s] for s, q in trades.items() if q > 0]
        if not bought:
            break
        asset = min(bought, key=lambda a: a.limit * a.lot)
        smaller = trades.pop(asset.symbol) - asset.lot
        if smaller >= asset.least * asset.lot:
            trades[asset.symbol] = smaller
    return trades


def _curves(free: Sequence[Asset], book: Book) -> Curves:
    """Prices, needs and limits of the free assets as arrays."""
    commission = book.policy.commission
    cap = float("inf") if commission.percent_cap is None else float(commission.percent_cap) / 100
    lots = np.array([float(a.lot) for a in free])
    return Curves(
        mid=np.array([float(a.market.mid) for a in free]) * lots,
        buy=np.array([float(a.limit) for a in free]) * lots,
        sell=np.array([float(a.market.bid) for a in free]) * lots,
        need=np.array([float(a.target - a.value) for a in free]),
        most_buy=np.array([a.most_buy for a in free], dtype=np.int64),
        most_sell=np.array([a.most_sell for a in free], dtype=np.int64),
        least=np.array([a.least for a in free], dtype=np.int64),
        fee_per_lot=float(commission.per_share) * lots,
        fee_minimum=np.full(len(free), float(commission.minimum)),
        fee_cap=np.full(len(free), cap),
    )


def _trades(free: Sequence[Asset], lots: Sequence[int]) -> dict[str, Decimal]:
    return {a.symbol: n * a.lot for a, n in zip(free, lots, strict=True) if n}
