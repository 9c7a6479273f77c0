"""What one symbol's trade does to the account, as a function of signed lots.

In: per-symbol numbers in the account currency, one array entry per symbol.  Out: the shortfall
below the target and the cash used by any number of lots, and the few lot counts where these
piecewise linear curves bend.  Never knows a symbol's name, the other symbols or the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

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
    #: Largest useful number of lots to buy; 0 where nothing may be bought.
    most_buy: Lots
    #: Largest number of lots to sell; 0 where nothing may be sold.
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
        """The curves of some of the symbols, or of one symbol as an array of length one."""
        index = np.atleast_1d(chosen)
        return Curves(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def shortfall(self, lots: Lots) -> Floats:
        """How far below its target each symbol stays."""
        missing = _column(self.need, lots) - lots * _column(self.mid, lots)
        return np.asarray(np.maximum(missing, 0.0))

    def cash(self, lots: Lots) -> Floats:
        """Cash used, fee included; negative when the trade brings cash."""
        price = np.where(lots > 0, _column(self.buy, lots), _column(self.sell, lots))
        return lots * price + self._fee(np.abs(lots), price)

    def _fee(self, size: Lots, price: Floats) -> Floats:
        linear = size * _column(self.fee_per_lot, size)
        fee = np.maximum(linear, _column(self.fee_minimum, size))
        cap = _column(self.fee_cap, size)
        if np.isfinite(cap).any():
            fee = np.minimum(fee, np.where(size > 0, cap * size * price, 0.0))
        return np.where(size > 0, fee, 0.0)

    def bends(self) -> Lots:
        """Lot counts, one row per symbol, among which a linear price on cash has its best.

        Both neighbours of every bend of the curves, pushed into the tradable range; rows repeat
        entries freely.
        """
        nought = np.zeros(len(self))
        at_target = self.need / self.mid
        sizes = [self.least.astype(float)]
        with np.errstate(divide="ignore", invalid="ignore"):
            sizes.append(self.fee_minimum / self.fee_per_lot)
            for price in (self.buy, self.sell):
                sizes.append(self.fee_minimum / (self.fee_cap * price))
        columns = [nought, self.most_buy.astype(float), -self.most_sell.astype(float), at_target]
        for size in sizes:
            usable = np.where(np.isfinite(size), size, 0.0)
            columns += [usable, -usable]
        exact = np.stack(columns, axis=1)
        around = np.concatenate([np.floor(exact), np.ceil(exact)], axis=1)
        return self.clip(around)

    def clip(self, lots: Floats | Lots) -> Lots:
        """The nearest tradable lot counts: no order is too small, none exceeds its limit."""
        least, most_buy, most_sell = (
            _column(limit, lots) for limit in (self.least, self.most_buy, self.most_sell)
        )
        bought = np.where(most_buy > 0, np.clip(lots, least, np.maximum(most_buy, least)), 0)
        sold = np.where(most_sell > 0, np.clip(-lots, least, np.maximum(most_sell, least)), 0)
        return np.where(lots > 0, bought, np.where(lots < 0, -sold, 0)).astype(np.int64)

    def affordable(self, budget: Floats) -> Lots:
        """The most lots of each symbol whose cash stays within that symbol's own budget.

        Where no trade keeps the budget, the largest sale.
        """
        fee, buy, sell, per_lot, cap, least, most_buy, most_sell = (
            _column(values, budget)
            for values in (
                self.fee_minimum,
                self.buy,
                self.sell,
                self.fee_per_lot,
                self.fee_cap,
                self.least,
                self.most_buy,
                self.most_sell,
            )
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            bought = np.minimum((budget - fee) / buy, budget / (buy + per_lot))
            bought = np.maximum(bought, budget / (buy * (1 + cap)))
            sold = np.maximum((fee - budget) / sell, -budget / np.maximum(sell - per_lot, 0.0))
            sold = np.fmin(sold, -budget / (sell * np.maximum(1 - cap, 0.0)))
        up = np.minimum(np.floor(bought), most_buy)
        down = np.minimum(np.maximum(np.ceil(sold), least), most_sell)
        lots = np.where(up >= least, up, np.where(budget >= 0, 0.0, -down))
        return lots.astype(np.int64)


def _column(values: NDArray[np.generic], lots: NDArray[np.generic]) -> NDArray:  # type: ignore[type-arg]
    return values.reshape(values.shape + (1,) * (lots.ndim - 1))
