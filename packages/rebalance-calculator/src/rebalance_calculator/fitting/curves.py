"""What one symbol's trade does to the account, as a function of signed lots.

In: per-symbol numbers in the account currency, one array entry per symbol.  Out: the shortfall
below the target and the cash used by any number of lots, and the few lot counts where these
piecewise linear curves bend.  Never knows a symbol's name, the other symbols or the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Lots = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Arrays of one length, one entry per symbol; prices and fees are for one lot.

    Lot counts passed in have the symbols along the first axis.
    """

    #: Value of a lot at the mark.
    mid: Floats
    #: Worst price of a bought lot: the limit that is sent.
    buy: Floats
    #: Price of a sold lot: the bid.
    sell: Floats
    #: Target value less current value; negative when overweight.
    need: Floats
    #: Largest useful number of lots to buy, not below `least`; 0 where nothing may be bought.
    most_buy: Lots
    #: Largest number of lots to sell, not below `least`; 0 where nothing may be sold.
    most_sell: Lots
    #: Smallest order, in lots, at least 1.
    least: Lots
    fee_per_lot: Floats
    #: Per order.
    fee_minimum: Floats
    #: Largest fee as a fraction of the order's value; inf when there is no cap.
    fee_cap: Floats

    def __len__(self) -> int:
        return len(self.mid)

    def take(self, chosen: Lots | int) -> Curves:
        """The curves of some of the symbols, or of one symbol as arrays of length one."""
        index = np.atleast_1d(chosen)
        return self._each(lambda values: values[index])

    def shortfall(self, lots: Lots) -> Floats:
        """How far below its target each symbol stays."""
        own = self._beside(lots)
        return np.asarray(np.maximum(own.need - lots * own.mid, 0.0))

    def cash(self, lots: Lots) -> Floats:
        """Cash used, fee included; negative when the trade brings cash."""
        own = self._beside(lots)
        price = np.where(lots > 0, own.buy, own.sell)
        size = np.maximum(np.abs(lots), 1)
        fee = np.maximum(size * own.fee_per_lot, own.fee_minimum)
        fee = np.minimum(fee, size * own.fee_cap * price)
        return np.asarray(lots * price + np.where(lots == 0, 0.0, fee))

    def bends(self) -> Lots:
        """Lot counts, one row per symbol, among which a linear price on cash has its best.

        Both neighbours of every bend of the curves, pushed into the tradable range; entries repeat.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            fee_bends = [
                self.fee_minimum / self.fee_per_lot,
                self.fee_minimum / (self.fee_cap * self.buy),
                self.fee_minimum / (self.fee_cap * self.sell),
            ]
        sizes = np.stack([self.least, *(np.nan_to_num(b, posinf=0.0) for b in fee_bends)], axis=1)
        ends = np.stack([0 * self.least, self.most_buy, -self.most_sell], axis=1)
        at_target = (self.need / self.mid)[:, None]
        exact = np.concatenate([ends, at_target, sizes, -sizes], axis=1)
        return self.clip(np.concatenate([np.floor(exact), np.ceil(exact)], axis=1))

    def clip(self, lots: Floats | Lots) -> Lots:
        """The nearest tradable lot counts: no order is too small, none exceeds its limit."""
        own = self._beside(lots)
        bought = np.where(own.most_buy > 0, np.clip(lots, own.least, own.most_buy), 0)
        sold = np.where(own.most_sell > 0, np.clip(-lots, own.least, own.most_sell), 0)
        return np.where(lots > 0, bought, np.where(lots < 0, -sold, 0)).astype(np.int64)

    def affordable(self, budget: Floats) -> Lots:
        """The most lots of each symbol whose cash stays within that symbol's own budget.

        Where no trade keeps the budget, the largest sale.
        """
        own = self._beside(budget)
        fee, per_lot, cap = own.fee_minimum, own.fee_per_lot, own.fee_cap
        with np.errstate(divide="ignore", invalid="ignore"):
            bought = np.minimum((budget - fee) / own.buy, budget / (own.buy + per_lot))
            bought = np.maximum(bought, budget / (own.buy * (1 + cap)))
            sold = np.maximum(
                (fee - budget) / own.sell, -budget / np.maximum(own.sell - per_lot, 0.0)
            )
            sold = np.fmin(sold, -budget / (own.sell * np.maximum(1 - cap, 0.0)))
        up = np.minimum(np.floor(bought), own.most_buy)
        down = np.minimum(np.maximum(np.ceil(sold), own.least), own.most_sell)
        lots = np.where(up >= own.least, up, np.where(budget >= 0, 0.0, -down))
        return lots.astype(np.int64)

    def _beside(self, lots: Floats | Lots) -> Curves:
        """The same curves, shaped to meet `lots`, which may have several entries per symbol."""
        if lots.ndim == 1:
            return self
        return self._each(lambda values: values.reshape(-1, *(1,) * (lots.ndim - 1)))

    def _each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Curves:
        return Curves(**{f.name: change(getattr(self, f.name)) for f in fields(self)})
