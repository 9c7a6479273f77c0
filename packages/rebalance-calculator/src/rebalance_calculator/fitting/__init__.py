"""Whole-share fitting: the least shortfall below the targets within one cash budget.

Every symbol's trade is a choice with two numbers, the shortfall it leaves and the cash it uses, so
this is a multiple-choice knapsack. `multiplier` prices cash and gives the lower bound, `core`
combines the cheapest deviations from that price's choice, `search` widens the core until the result
is proven or good enough. `many` does with less search what is enough for many accounts at once.
Everything here is floating point on plain arrays.
"""

from .curves import Curves, Floats, Lots
from .many import Flags, ManyFits, fit_many, row_sums
from .search import Fit, fit, sell_down

__all__ = [
    "Curves",
    "Fit",
    "Flags",
    "Floats",
    "Lots",
    "ManyFits",
    "fit",
    "fit_many",
    "row_sums",
    "sell_down",
]
