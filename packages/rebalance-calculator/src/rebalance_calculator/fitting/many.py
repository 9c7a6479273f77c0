"""Good lots for many accounts at once, each within its own cash budget.

In: the curves of all accounts, account after account with the same number of symbols each, and one
budget per account.  Out: lots and a proven lower bound per account.  Never sells an underweight,
and never lets one account depend on another: rows are summed strictly from left to right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .curves import Curves, Floats, Lots

#: Symbols of an account that are moved by a lot in all combinations, and as many for the accounts
#: that are still too far from their bound; each symbol more doubles the time.
CORES = (8, 12)
#: Times that unused cash is spent on one symbol.
REFILLS = 6

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ManyFits:
    """One entry, or row of symbols, per account."""

    lots: Lots
    #: No choice of lots within the budget has a smaller total shortfall.
    bound: Floats
    #: False where nothing keeps the budget unless an underweight is sold; no lots then.
    found: Flags


@dataclass(frozen=True, kw_only=True)
class _Options:
    """By account, symbol and choice: lots, and the shortfall and cash that they lead to."""

    lots: Lots
    shortfall: Floats
    cash: Floats

    def priced(self, accounts: Lots, multiplier: Floats) -> Floats:
        return self.shortfall[accounts] + multiplier[:, None, None] * self.cash[accounts]

    def totals(self, accounts: Lots, choice: Lots) -> tuple[Floats, Floats]:
        """Shortfall and cash of one choice per symbol, summed over each of the accounts."""
        at = accounts[:, None], np.arange(choice.shape[1]), choice
        return row_sums(self.shortfall[at]), row_sums(self.cash[at])


def fit_many(curves: Curves, budget: Floats, *, tolerance: Floats) -> ManyFits:
    """Lots within each budget whose total shortfall is near the least.

    Accounts that end within their `tolerance` of the bound are not searched any further.
    """
    under = curves.need > 0
    options = _options(curves, len(budget), selling=~under)
    multiplier, choice, found = _price_cash(options, budget)
    bound = _bound(curves, options, budget, multiplier)
    relaxed = np.where(found[:, None], _pick(options.lots, choice), 0)
    kept = replace(curves, most_sell=np.where(under, 0, curves.most_sell))
    lots, rest = relaxed.copy(), np.flatnonzero(found)
    for core in CORES:
        if not rest.size:
            break
        some = kept.take(_cells(rest, lots.shape[1]))
        tried = _combine(some, budget[rest], multiplier[rest], relaxed[rest], core)
        lots[rest] = _refill(some, budget[rest], tried)
        missed = row_sums(some.shortfall(lots[rest].ravel()).reshape(len(rest), -1)) - bound[rest]
        rest = rest[missed > tolerance[rest]]
    return ManyFits(lots=lots, bound=bound, found=found)


def _cells(accounts: Lots, symbols: int) -> Lots:
    """Where the symbols of these accounts are among those of all accounts."""
    return np.asarray((accounts[:, None] * symbols + np.arange(symbols)).ravel())


def _options(curves: Curves, accounts: int, *, selling: Flags) -> _Options:
    """The lots in one direction per symbol among which a price on cash has its best."""
    price, most = (
        np.where(selling, *pair)
        for pair in ((curves.sell, curves.buy), (curves.most_sell, curves.most_buy))
    )
    bends = [np.abs(curves.need) / curves.mid]
    if (curves.fee_minimum > 0).any() and (curves.fee_per_lot > 0).any():
        bends.append(curves.fee_minimum / curves.fee_per_lot)
    if np.isfinite(curves.fee_cap).any():
        bends.append(curves.fee_minimum / (curves.fee_cap * price))
    exact = np.stack(bends, axis=1)
    ends = np.stack([0 * most, curves.least, most], axis=1)
    sizes = np.concatenate([ends, np.floor(exact), np.ceil(exact)], axis=1)
    lots = curves.clip(np.where(selling[:, None], -sizes, sizes))
    shape = accounts, -1, lots.shape[1]
    return _Options(
        lots=lots.reshape(shape),
        shortfall=curves.shortfall(lots).reshape(shape),
        cash=curves.cash(lots).reshape(shape),
    )


def _price_cash(options: _Options, budget: Floats) -> tuple[Floats, Lots, Flags]:
    """The multiplier of each account, its best choice within the budget, and whether there is one.

    Intersects lines as for one account, for all accounts that are not finished yet.
    """
    frugal, lavish = (
        _least(options.cash, options.shortfall),
        _least(options.shortfall, options.cash),
    )
    every = np.arange(len(budget))
    high, saved = options.totals(every, frugal)
    low, spent = options.totals(every, lavish)
    found, ample = saved <= budget, spent <= budget
    choice, multiplier = np.where(ample[:, None], lavish, frugal), np.zeros(len(budget))
    active = np.flatnonzero(found & ~ample)
    while active.size:
        limit, most, out = budget[active], low[active], spent[active]
        price = np.maximum((high[active] - most) / (out - saved[active]), 0.0)
        multiplier[active] = price
        middle = options.priced(active, price).argmin(axis=2)
        below, used = options.totals(active, middle)
        gain = most + price * (out - used) - below
        noise = 1e-9 * np.maximum(1.0, most) + 1e-12 * price * (np.abs(out) + np.abs(limit))
        going, within = gain > noise, used <= limit
        down, up = going & within, going & ~within
        choice[active[down]] = middle[down]
        high[active[down]], saved[active[down]] = below[down], used[down]
        low[active[up]], spent[active[up]] = below[up], used[up]
        active = active[going]
    return multiplier, choice, found


def _bound(curves: Curves, options: _Options, budget: Floats, multiplier: Floats) -> Floats:
    """The relaxation's value at the multiplier, sales of underweights included."""
    best = options.priced(np.arange(len(budget)), multiplier).min(axis=2)
    dropped = np.flatnonzero((curves.need > 0) & (curves.most_sell > 0))
    if dropped.size:
        chosen = curves.take(dropped)
        sales = _options(chosen, len(dropped), selling=np.ones(len(dropped), dtype=np.bool_))
        price = multiplier[dropped // best.shape[1]]
        sold = sales.priced(np.arange(len(dropped)), price).min(axis=(1, 2))
        best.ravel()[dropped] = np.minimum(best.ravel()[dropped], sold)
    return np.maximum(row_sums(best) - multiplier * budget, 0.0)


def _combine(curves: Curves, budget: Floats, multiplier: Floats, lots: Lots, size: int) -> Lots:
    """The best of all combinations of one-lot moves of the symbols that lose least by moving."""
    shape, flat = lots.shape, lots.ravel()
    cash, shortfall = curves.cash(flat), curves.shortfall(flat)
    moves = np.stack([_step(curves, flat, -1), _step(curves, flat, 1)], axis=1)
    used = curves.cash(moves) - cash[:, None]
    lost = curves.shortfall(moves) - shortfall[:, None]
    loss = lost + np.repeat(multiplier, shape[1])[:, None] * used
    loss[moves == flat[:, None]] = np.inf
    way = loss.argmin(axis=1)[:, None]
    order = np.take_along_axis(loss, way, axis=1).reshape(shape).argsort(axis=1, kind="stable")
    core = order[:, :size]

    def of_core(values: NDArray[Any]) -> NDArray[Any]:
        return np.take_along_axis(np.take_along_axis(values, way, axis=1).reshape(shape), core, 1)

    room = budget - row_sums(cash.reshape(shape))
    best = _best_subset(of_core(used), of_core(lost), room)
    chosen = (best[:, None] >> np.arange(core.shape[1])) & 1
    after = np.where(chosen == 1, of_core(moves), np.take_along_axis(lots, core, 1))
    combined = lots.copy()
    np.put_along_axis(combined, core, after, axis=1)
    return combined


def _best_subset(used: Floats, lost: Floats, room: Floats) -> Lots:
    """The columns, as bits, whose sum of `lost` is least while that of `used` keeps the room."""
    accounts, columns = used.shape
    cash, shortfall = (np.zeros((accounts, 1 << columns)) for _ in range(2))
    for column in range(columns):
        done, new = slice(0, 1 << column), slice(1 << column, 2 << column)
        np.add(cash[:, done], used[:, column, None], out=cash[:, new])
        np.add(shortfall[:, done], lost[:, column, None], out=shortfall[:, new])
    return np.asarray(np.where(cash <= room[:, None], shortfall, np.inf).argmin(axis=1))


def _step(curves: Curves, lots: Lots, by: int) -> Lots:
    """One lot more or less; from the smallest order it is to none."""
    step = curves.clip(lots + by)
    return np.where((step == lots) & (lots * by < 0), 0, step)


def _refill(curves: Curves, budget: Floats, lots: Lots) -> Lots:
    """Spend what is left on one symbol at a time, while that lowers the shortfall."""
    lots, shape = lots.copy(), lots.shape
    for _ in range(REFILLS):
        cash, shortfall = curves.cash(lots.ravel()).reshape(shape), curves.shortfall(lots.ravel())
        room = (budget - row_sums(cash))[:, None] + cash
        most = curves.affordable(room.ravel())
        gain = (shortfall - curves.shortfall(most)).reshape(shape)
        best = gain.argmax(axis=1)
        better = np.flatnonzero(gain[np.arange(len(best)), best] > 1e-9)
        if not better.size:
            break
        lots[better, best[better]] = most.reshape(shape)[better, best[better]]
    return lots


def _least(first: Floats, second: Floats) -> Lots:
    """The choice with the least of the first, and of the second among equals."""
    tied = first <= first.min(axis=2, keepdims=True)
    return np.asarray(np.where(tied, second, np.inf).argmin(axis=2))


def _pick(values: NDArray[Any], choice: Lots) -> NDArray[Any]:
    return np.take_along_axis(values, choice[:, :, None], axis=2)[:, :, 0]


def row_sums(values: Floats) -> Floats:
    """Sums over each account's symbols; strictly one after another, so zeros change nothing."""
    return np.add.accumulate(values, axis=1)[:, -1]
