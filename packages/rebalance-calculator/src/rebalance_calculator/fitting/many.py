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

#: How many lots a symbol is moved by at most where there are combinations enough.
REACH = 4
#: Times that unused cash is spent on one symbol.
REFILLS = 6

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Step:
    """Combinations of small moves that are tried: 2 ** `bits`, of at most so many symbols."""

    bits: int
    symbols: int
    #: Whether to move away from the relaxation's choice or else from the best found so far.
    afresh: bool = True


#: Later steps are for accounts that are still too far from their bound.
STEPS = (
    Step(bits=8, symbols=8),
    Step(bits=12, symbols=12),
    Step(bits=12, symbols=6, afresh=False),
)


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
    kept = replace(curves, most_sell=np.where(under, 0, curves.most_sell))
    relaxed = np.where(found[:, None], _pick(options.lots, choice), 0)
    lots = relaxed.copy()
    shortfall, rest = np.full(len(budget), np.inf), np.flatnonzero(found)
    for step in STEPS:
        if not rest.size:
            break
        some = kept.take(_cells(rest, lots.shape[1]))
        start = (relaxed if step.afresh else lots)[rest]
        tried = _combine(some, budget[rest], multiplier[rest], start, step)
        tried = _refill(some, budget[rest], tried)
        left = row_sums(some.shortfall(tried.ravel()).reshape(tried.shape))
        better = left < shortfall[rest]
        lots[rest[better]], shortfall[rest[better]] = tried[better], left[better]
        rest = rest[shortfall[rest] - bound[rest] > tolerance[rest]]
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


def _combine(curves: Curves, budget: Floats, multiplier: Floats, lots: Lots, step: Step) -> Lots:
    """The best combination of moves of the symbols that lose least by moving.

    The fewer symbols there are, the more moves each of them has.
    """
    accounts, symbols = lots.shape
    core = min(symbols, step.symbols)
    width = int(2 ** (step.bits / core))
    reach = 1 if width == 2 else REACH
    flat, moves = lots.ravel(), [by for by in range(-reach, reach + 1) if by]
    ends = np.stack([flat, *(_moved(curves, flat, by) for by in moves)], axis=1)
    cash, shortfall = curves.cash(ends), curves.shortfall(ends)
    room = budget - row_sums(cash[:, 0].reshape(lots.shape))
    used, lost = cash - cash[:, :1], shortfall - shortfall[:, :1]
    loss = lost + np.repeat(multiplier, symbols)[:, None] * used
    loss[ends == flat[:, None]] = np.inf
    loss[:, 0] = -np.inf
    best = loss.argsort(axis=1, kind="stable")[:, :width]
    least = np.take_along_axis(loss, best[:, 1:2], axis=1).reshape(lots.shape)
    chosen = least.argsort(axis=1, kind="stable")[:, :core]
    cells = chosen + np.arange(accounts)[:, None] * symbols
    options = best[cells]
    choice = _best_combination(
        used[cells[:, :, None], options], lost[cells[:, :, None], options], room
    )
    combined = lots.copy()
    np.put_along_axis(combined, chosen, ends[cells, _pick(options, choice)], axis=1)
    return combined


def _best_combination(used: Floats, lost: Floats, room: Floats) -> Lots:
    """One of each symbol's options so that the account loses least within its room.

    By account, symbol and option; the first option of every symbol is to stay.
    """
    accounts, symbols, width = used.shape
    cash, shortfall = np.zeros((accounts, 1)), np.zeros((accounts, 1))
    for symbol in range(symbols):
        cash = (used[:, symbol, :, None] + cash[:, None, :]).reshape(accounts, -1)
        shortfall = (lost[:, symbol, :, None] + shortfall[:, None, :]).reshape(accounts, -1)
    best = np.where(cash <= room[:, None], shortfall, np.inf).argmin(axis=1)
    return np.asarray(best[:, None] // width ** np.arange(symbols) % width)


def _moved(curves: Curves, lots: Lots, by: int) -> Lots:
    """Some lots more or less; an order that would be too small becomes none."""
    moved = curves.clip(lots + by)
    return np.where((moved == lots) & (lots * by < 0), 0, moved)


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
