"""Partial plans over a few symbols: growing them, thinning them out, and joining two halves.

In: each symbol's candidate lots with their loss against the relaxation.  Out: the combination with
the least loss plus priced unused cash.  Never looks at symbols outside the ones it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .curves import Floats, Lots


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One symbol's candidates, least loss first; the first one's loss is zero."""

    symbol: int
    lots: Lots
    loss: Floats
    cash: Floats

    def within(self, limit: float) -> Choices:
        """Only the candidates whose loss is at most `limit`."""
        keep = int(np.searchsorted(self.loss, limit, side="right"))
        return Choices(
            symbol=self.symbol, lots=self.lots[:keep], loss=self.loss[:keep], cash=self.cash[:keep]
        )


@dataclass(frozen=True, kw_only=True)
class Front:
    """Partial plans over some symbols, by rising cash and falling shortfall."""

    loss: Floats
    cash: Floats
    #: Per merged symbol: the symbol, the parent of each partial plan, the lots chosen.
    steps: tuple[tuple[int, Lots, Lots], ...]
    #: True when plans that might have been needed were dropped to save time.
    thinned: bool

    def lots(self, plans: Lots) -> Iterator[tuple[int, Lots]]:
        """What the partial plans at these positions trade: for each symbol, the lots per plan."""
        for symbol, parent, lots in reversed(self.steps):
            yield symbol, lots[plans]
            plans = parent[plans]


def grow(choices: Sequence[Choices], *, multiplier: float, limit: float, most: int) -> Front:
    """All partial plans over the symbols that lose at most `limit` and are not dominated.

    A plan is dominated when another one uses no more cash and leaves no more shortfall.
    """
    loss, cash = np.zeros(1), np.zeros(1)
    steps: list[tuple[int, Lots, Lots]] = []
    thinned = False
    for choice in choices:
        all_loss = (loss[:, None] + choice.loss).ravel()
        good = np.flatnonzero(all_loss <= limit)
        all_loss = all_loss[good]
        if len(good) > 4 * most:
            thinned = True
            best = np.argpartition(all_loss, 4 * most)[: 4 * most]
            good, all_loss = good[best], all_loss[best]
        parent, option = np.divmod(good, len(choice.loss))
        all_cash = cash[parent] + choice.cash[option]
        order = np.lexsort((all_loss, all_cash))
        shortfall = (all_loss - multiplier * all_cash)[order]
        lowest = np.minimum.accumulate(shortfall)
        kept = order[np.flatnonzero(np.r_[True, shortfall[1:] < lowest[:-1]])]
        if len(kept) > most:
            thinned = True
            best = np.argpartition(all_loss[kept], most)[:most]
            kept = kept[np.sort(best)]
        loss, cash = all_loss[kept], all_cash[kept]
        steps.append((choice.symbol, parent[kept], choice.lots[option[kept]]))
    return Front(loss=loss, cash=cash, steps=tuple(steps), thinned=thinned)


@dataclass(frozen=True, kw_only=True)
class Combination:
    """The best plan over a core; its value is its loss plus its unused cash, priced."""

    value: float
    #: By symbol; empty when no plan keeps the budget.
    lots: dict[int, int]
    #: True when a better plan within the limit may have been missed.
    thinned: bool


def combine(
    choices: Sequence[Choices], *, budget: float, multiplier: float, limit: float, most: int
) -> Combination:
    """The best plan of at most `limit` over the symbols, joined from two halves of them.

    Every plan of one half meets the plan of the other half that uses the most of what it leaves.
    """
    left, right = (
        grow(choices[half::2], multiplier=multiplier, limit=limit, most=most) for half in (0, 1)
    )
    partner = np.searchsorted(right.cash, budget - left.cash, side="right") - 1
    unused = budget - left.cash - right.cash[partner]
    value = left.loss + right.loss[partner] + multiplier * unused
    best = int(np.where(partner >= 0, value, np.inf).argmin())
    thinned = left.thinned or right.thinned
    if partner[best] < 0:
        return Combination(value=float("inf"), lots={}, thinned=thinned)
    chosen = [*left.lots(np.array(best)), *right.lots(partner[best])]
    return Combination(
        value=float(value[best]), lots={s: int(lots) for s, lots in chosen}, thinned=thinned
    )
