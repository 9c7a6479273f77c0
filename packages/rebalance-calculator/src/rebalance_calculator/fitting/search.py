"""The best lots for all symbols within one cash budget.

In: curves and a budget.  Out: lots, the shortfall they leave, and a proven lower bound on it.
The search takes the relaxation's choice as given except for the cheapest deviations from it, and
widens that core until nothing outside can matter or enough work was done.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .core import Choices, grow, join
from .curves import Curves, Lots
from .multiplier import Priced, price_cash, reduced

#: Deviations in the first core; each further core has four times as many.
FIRST_CORE = 48
LAST_CORE = 48 * 4**4
#: Symbols in a core: more of them add time, not quality.
CORE_SYMBOLS = 24
#: Partial plans kept per half.
MOST_PLANS = 2000
#: Lots looked at on either side of a bend when a symbol has too many to look at all.
WINDOW = 64
#: A symbol with more lots than this is looked at around its bends only.
ALL_LOTS = 1500


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A choice of lots and what is known about it."""

    lots: Lots
    shortfall: float
    bound: float


def fit(curves: Curves, budget: float, *, tolerance: float) -> Fit | None:
    """Least total shortfall within the budget; None when no choice keeps it.

    The search ends early once the result is proven to be within `tolerance` of the best.
    """
    priced = price_cash(curves, budget)
    if priced is None:
        return None
    lots = refill(curves, budget, priced.lots)
    shortfall = float(curves.shortfall(lots).sum())
    if shortfall - priced.bound <= tolerance:
        return Fit(lots=lots, shortfall=shortfall, bound=priced.bound)
    return _search(curves, budget, priced, lots, tolerance)


def refill(curves: Curves, budget: float, lots: Lots) -> Lots:
    """Change one symbol at a time to use the cash that is left, while that lowers the shortfall."""
    lots = lots.copy()
    shortfall, cash = curves.shortfall(lots), curves.cash(lots)
    singles = [curves.take(i) for i in range(len(curves))]
    while True:
        free = budget - float(cash.sum())
        best_gain, best, best_lots = 1e-9, -1, 0
        for i, single in enumerate(singles):
            (most,), (possible,) = single.affordable(np.array([free + cash[i]]))
            if not possible:
                continue
            gain = shortfall[i] - float(single.shortfall(np.array([most]))[0])
            if gain > best_gain:
                best_gain, best, best_lots = gain, i, int(most)
        if best < 0:
            return lots
        lots[best] = best_lots
        shortfall[best] -= best_gain
        cash[best] = singles[best].cash(np.array([best_lots]))[0]


def _search(curves: Curves, budget: float, priced: Priced, lots: Lots, tolerance: float) -> Fit:
    tables = _tables(curves, priced.multiplier)
    base = np.array([t.lots[0] for t in tables])
    shortfall = float(curves.shortfall(lots).sum())
    everything = np.sort(np.concatenate([t.loss[1:] for t in tables]))
    size, proven = FIRST_CORE, False
    value = shortfall - priced.bound
    while value > tolerance and not proven:
        limit = min(value, everything[size]) if size < len(everything) else value
        core = [t.within(limit) for t in tables]
        core = sorted((t for t in core if len(t.loss) > 1), key=lambda t: t.loss[1])
        complete = len(core) <= CORE_SYMBOLS
        core = core[:CORE_SYMBOLS]
        inside = {t.symbol for t in core}
        fixed = sum(float(t.cash[0]) for t in tables if t.symbol not in inside)
        halves = [
            grow(core[side::2], multiplier=priced.multiplier, limit=value, most=MOST_PLANS)
            for side in (0, 1)
        ]
        found, left, right = join(*halves, budget=budget - fixed, multiplier=priced.multiplier)
        if found < value:
            value = found
            lots = base.copy()
            for half, index in zip(halves, (left, right), strict=True):
                for symbol, chosen in half.lots(index).items():
                    lots[symbol] = chosen
        exact = complete and not any(half.thinned for half in halves)
        proven = exact and value <= limit
        if size >= min(LAST_CORE, len(everything)):
            break
        size *= 4
    shortfall = float(curves.shortfall(lots).sum())
    return Fit(lots=lots, shortfall=shortfall, bound=shortfall if proven else priced.bound)


def _tables(curves: Curves, multiplier: float) -> list[Choices]:
    tables = []
    bends = curves.bends()
    for i in range(len(curves)):
        single = curves.take(i)
        if single.most_buy[0] + single.most_sell[0] <= ALL_LOTS:
            wanted = np.arange(-single.most_sell[0], single.most_buy[0] + 1)
        else:
            wanted = (bends[i][:, None] + np.arange(-WINDOW, WINDOW + 1)).ravel()
        lots = np.unique(single.clip(wanted[None, :])[0])
        score = reduced(single, lots[None, :], multiplier)[0]
        order = np.argsort(score, kind="stable")
        lots, score = lots[order], score[order]
        cash = single.cash(lots[None, :])[0]
        tables.append(Choices(symbol=i, lots=lots, loss=score - score[0], cash=cash))
    return tables


def sell_down(curves: Curves) -> Lots:
    """The best sales when cash stays short whatever is sold: nothing is bought.

    A unit of missing cash then counts as much as a unit of shortfall, so every symbol stands alone.
    """
    bends = np.minimum(curves.bends(), 0)
    best = reduced(curves, bends, 1.0).argmin(axis=1)
    return bends[np.arange(len(curves)), best]
