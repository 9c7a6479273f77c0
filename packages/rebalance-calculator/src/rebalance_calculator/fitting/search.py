"""The best lots for all symbols within one cash budget.

In: curves and a budget.  Out: lots, the shortfall they leave, and a proven lower bound on it.
The search takes the relaxation's choice as given except for the cheapest deviations from it, and
widens that core until nothing outside can matter or enough work was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .core import Choices, Front, combine, grow
from .curves import Curves, Floats, Lots
from .multiplier import Priced, price_cash, reduced

#: Deviations from the relaxation in each round's core, cheapest first.
CORE_SIZES = (48, 192, 768, 3072)
#: Partial plans kept per half of a core.
MOST_PLANS = 2000
#: Partial plans times symbols that are filled up.
MOST_FILLED = 100_000
#: A symbol with more lots than this is looked at around its bends only, and this far from them.
ALL_LOTS, WINDOW = 1500, 2


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A choice of lots and what is known about it."""

    lots: Lots
    shortfall: float
    #: No choice of lots within the budget has a smaller shortfall.
    bound: float


def fit(curves: Curves, budget: float, *, tolerance: float) -> Fit | None:
    """Least total shortfall within the budget; None when no choice keeps it.

    The search ends early once the result is proven to be within `tolerance` of the best.
    """
    priced = price_cash(curves, budget)
    if priced is None:
        return None
    lots = _refill(curves, budget, priced.lots)
    value = _total(curves.shortfall(lots)) - priced.bound
    if value > tolerance:
        return _search(curves, budget, priced, lots, value, tolerance)
    return Fit(lots=lots, shortfall=priced.bound + value, bound=priced.bound)


def sell_down(curves: Curves) -> Lots:
    """The best sales when cash stays short whatever is sold: nothing is bought.

    A unit of missing cash then counts as much as a unit of shortfall, so every symbol stands alone.
    """
    fewest_first = -np.sort(-np.minimum(curves.bends(), 0), axis=1)
    best = reduced(curves, fewest_first, 1.0).argmin(axis=1)
    return np.asarray(fewest_first[np.arange(len(curves)), best])


def _refill(curves: Curves, budget: float, lots: Lots) -> Lots:
    """Spend what is left on one symbol at a time, while that lowers the shortfall."""
    lots = lots.copy()
    if not lots.size:  # nothing may trade freely, as when every target is inside its band
        return lots
    while True:
        cash, shortfall = curves.cash(lots), curves.shortfall(lots)
        most = curves.affordable(budget - _total(cash) + cash)
        gain = shortfall - curves.shortfall(most)
        best = int(gain.argmax())
        if gain[best] <= 1e-9:
            return lots
        lots[best] = most[best]


def _search(
    curves: Curves, budget: float, priced: Priced, lots: Lots, value: float, tolerance: float
) -> Fit:
    """Improve `lots`, whose shortfall is `value` above the bound."""
    multiplier = priced.multiplier
    choices = _choices(curves, multiplier, value)
    base = np.array([choice.lots[0] for choice in choices])
    unused = budget - sum(float(choice.cash[0]) for choice in choices)
    losses = np.sort(np.concatenate([choice.loss[1:] for choice in choices]))
    complete = bool((curves.most_buy + curves.most_sell <= ALL_LOTS).all())
    proven = False
    for size in CORE_SIZES:
        limit = min(value, losses[size]) if size < len(losses) else value
        core = [c for c in (choice.within(limit) for choice in choices) if len(c.loss) > 1]
        core.sort(key=lambda choice: float(choice.loss[1]))
        free = unused + sum(float(choice.cash[0]) for choice in core)
        found = combine(core, budget=free, multiplier=multiplier, limit=value, most=MOST_PLANS)
        if found.value < value:
            value, lots = found.value, base.copy()
            lots[list(found.lots)] = list(found.lots.values())
        proven = complete and value <= limit and not found.thinned
        if value <= max(limit, tolerance) or found.thinned or size >= len(losses):
            break
    if value > tolerance and not complete:
        most = min(MOST_PLANS, MOST_FILLED // len(curves))
        front = grow(core, multiplier=multiplier, limit=value, most=most)
        lots = _fill(curves, budget, front, base, lots)
    shortfall = _total(curves.shortfall(lots))
    return Fit(lots=lots, shortfall=shortfall, bound=shortfall if proven else priced.bound)


def _fill(curves: Curves, budget: float, front: Front, base: Lots, best: Lots) -> Lots:
    """The best of all plans of `front`, one symbol's lots changed to use up the cash, and `best`.

    When lots are fine, a best plan has all symbols but one at a bend.
    """
    plans = np.repeat(base[:, None], len(front.loss), axis=1)
    for symbol, lots in front.lots(np.arange(len(front.loss))):
        plans[symbol] = lots
    cash, shortfall = curves.cash(plans), curves.shortfall(plans)
    others_cash, others_shortfall = cash.sum(axis=0) - cash, shortfall.sum(axis=0) - shortfall
    filled = curves.affordable(budget - others_cash)
    total = others_shortfall + curves.shortfall(filled)
    total[others_cash + curves.cash(filled) > budget] = np.inf
    symbol, plan = np.unravel_index(total.argmin(), total.shape)
    if total[symbol, plan] >= _total(curves.shortfall(best)):
        return best
    changed = plans[:, plan].copy()
    changed[symbol] = filled[symbol, plan]
    return changed


def _choices(curves: Curves, multiplier: float, limit: float) -> list[Choices]:
    """Every symbol's lots whose loss against the relaxation is at most `limit`."""
    candidates = _candidates(curves)
    counts = [len(lots) for lots in candidates]
    symbol = np.repeat(np.arange(len(curves)), counts)
    lots = np.concatenate(candidates)
    one_each = curves.take(symbol)
    cash = one_each.cash(lots)
    score = one_each.shortfall(lots) + multiplier * cash
    starts = np.cumsum([0, *counts[:-1]])
    loss = score - np.repeat(np.minimum.reduceat(score, starts), counts)
    near = np.flatnonzero(loss <= limit)
    near = near[np.lexsort((loss[near], symbol[near]))]
    edges = np.searchsorted(symbol[near], np.arange(len(curves) + 1))
    return [
        Choices(symbol=i, lots=lots[part], loss=loss[part], cash=cash[part])
        for i, part in enumerate(near[a:b] for a, b in pairwise(edges))
    ]


def _candidates(curves: Curves) -> list[Lots]:
    """The lots of each symbol that are looked at, ascending."""
    bends = curves.bends()
    spread = np.arange(-WINDOW, WINDOW + 1)
    found = []
    for i, (least, buy, sell) in enumerate(
        zip(curves.least.tolist(), curves.most_buy.tolist(), curves.most_sell.tolist(), strict=True)
    ):
        if buy + sell <= ALL_LOTS:
            parts = np.arange(-sell, 1 - least), np.zeros(1, np.int64), np.arange(least, buy + 1)
            found.append(np.concatenate(parts))
        else:
            around = np.unique(bends[i])[:, None] + spread
            found.append(np.unique(curves.take(i).clip(around[None])[0]))
    return found


def _total(amounts: Floats) -> float:
    return float(amounts.sum())
