"""From a book to trades: the bridge between exact values and the floating-point search.

In: a book.  Out: the trades that come closest to the targets and a lower bound on how close any
could come.  Whatever the search says is verified in Decimal before it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from .book import Asset, Book, Trades
from .fitting import Curves, Fit, Lots, fit, sell_down

#: The search stops once the objective is proven to be within this of the best, in basis points.
_TOLERANCE_BP = 0.002
#: An underweight is sold only when that improves the objective by more than this, in basis points:
#: nobody understands such a trade, and the next run may well undo it.
_UNDERWEIGHT_SALE_BP = 2.0
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
    budget = float(book.spendable(forced))
    point = float(book.total) / 2e4  # shortfall counts twice in the objective
    found = _best_fit(curves, budget + _NOISE, point)
    if found is not None and book.spendable(forced | _trades(free, found.lots)) < 0:
        found = _best_fit(curves, budget - _NOISE, point)
    if found is None:
        trades = forced | _trades(free, sell_down(curves))
        return Fitted(trades=trades, bound=book.objective(trades))
    trades = _within_cash(book, forced | _trades(free, found.lots))
    out_of_reach = sum(
        (max(a.target - a.value, Decimal(0)) for a in book.assets.values() if not a.is_free),
        Decimal(0),
    )
    return Fitted(trades=trades, bound=2 * (Decimal(found.bound) + out_of_reach))


def _best_fit(curves: Curves, budget: float, point: float) -> Fit | None:
    """The fit, without sales of underweights unless they are worth it; `point` is one bp."""
    best = fit(curves, budget, tolerance=_TOLERANCE_BP * point)
    if best is None or not (best.lots[curves.need > 0] < 0).any():
        return best
    kept = replace(curves, most_sell=np.where(curves.need > 0, 0, curves.most_sell))
    plain = fit(kept, budget, tolerance=_TOLERANCE_BP * point)
    if plain is None or plain.shortfall - best.shortfall > _UNDERWEIGHT_SALE_BP * point:
        return best
    return replace(plain, bound=best.bound)


def _within_cash(book: Book, trades: dict[str, Decimal]) -> dict[str, Decimal]:
    """Give up lots of the cheapest buys until the cash holds exactly."""
    while book.spendable(trades) < 0:
        bought = [book.assets[s] for s, q in trades.items() if q > 0]
        if not bought:
            break
        asset = min(bought, key=lambda a: a.limit * a.lot)
        smaller = trades[asset.symbol] - asset.lot
        enough = smaller >= asset.least * asset.lot
        trades = trades | {asset.symbol: smaller if enough else Decimal(0)}
    return {symbol: quantity for symbol, quantity in trades.items() if quantity}


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


def _trades(free: Sequence[Asset], lots: Lots) -> dict[str, Decimal]:
    return {a.symbol: n * a.lot for a, n in zip(free, lots.tolist(), strict=True) if n}
