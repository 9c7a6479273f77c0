"""The price of cash: the Lagrange multiplier of the one constraint that ties the symbols together.

In: curves and a cash budget.  Out: the multiplier that gives the best lower bound on the total
shortfall, that bound, and a choice of lots that keeps the budget.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .curves import Curves, Floats, Lots


@dataclass(frozen=True, kw_only=True)
class Priced:
    """The relaxed problem, solved."""

    #: Shortfall that one unit of cash is worth.
    multiplier: float
    #: No choice of lots within the budget has a smaller total shortfall than this.
    bound: float
    #: A choice of lots within the budget.
    lots: Lots


def price_cash(curves: Curves, budget: float) -> Priced | None:
    """Solve the relaxation; None when even the cheapest choice exceeds the budget.

    Every multiplier's best choice is a line (shortfall against cash); the bound is the top of the
    lower envelope of these lines, found by intersecting the last line on either side of the budget.
    """
    bends = curves.bends()
    shortfall, cash = curves.shortfall(bends), curves.cash(bends)
    rows = np.arange(len(curves))

    def total(column: Lots) -> tuple[float, float]:
        return float(shortfall[rows, column].sum()), float(cash[rows, column].sum())

    frugal = np.lexsort((shortfall, cash), axis=1)[:, 0]
    lavish = np.lexsort((cash, shortfall), axis=1)[:, 0]
    if total(frugal)[1] > budget:
        return None
    if total(lavish)[1] <= budget:
        return Priced(multiplier=0.0, bound=total(lavish)[0], lots=bends[rows, lavish])
    while True:
        (high, saved), (low, spent) = total(frugal), total(lavish)
        multiplier = max(0.0, (high - low) / (spent - saved))
        middle = (shortfall + multiplier * cash).argmin(axis=1)
        below, used = total(middle)
        bound = below + multiplier * (used - budget)
        gain = (low + multiplier * (spent - budget)) - bound
        noise = 1e-9 * max(1.0, low) + 1e-12 * multiplier * (abs(spent) + abs(budget))
        if gain <= noise:
            return Priced(multiplier=multiplier, bound=max(bound, 0.0), lots=bends[rows, frugal])
        if used <= budget:
            frugal = middle
        else:
            lavish = middle


def reduced(curves: Curves, lots: Lots, multiplier: float) -> Floats:
    """Shortfall plus priced cash of each choice: what the multiplier minimises per symbol."""
    return curves.shortfall(lots) + multiplier * curves.cash(lots)
