"""The book of many accounts at once, in floating point with a known margin.

In: what accounts hold and the terms of their policy.  Out: what each may trade, the best trades
found, and the figures they lead to.  Whatever is too close to call is marked, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rebalance_calculator.book import BAND_EDGE
from rebalance_calculator.fitting import Curves, Flags, Floats, Lots, fit_many, row_sums
from rebalance_calculator.policy import PlanPolicy

from .accounts import MOST_LOTS, Reading
from .terms import Terms

#: Sums of an account are exact to this fraction of everything that is summed, for thousands of
#: symbols: 2 ** -53 is 1.1e-16.
_PRECISION = 1e-12
#: The search goes on for accounts that are not proven to be this close to the best.
_TOLERANCE_BP = 20.0
#: Basis points within which an improvement is as good as the least that is asked for.
_CLOSE_BP = 1e-6


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A plan's figures under their names in Plan, one entry per account."""

    total_value: Floats
    cash_target: Floats
    cash_before: Floats
    worst_case_cash_after: Floats
    estimated_cost: Floats
    objective_bp: Floats
    bound_bp: Floats


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was found for some accounts, one row of symbols or one entry per account."""

    #: Signed lots of the best plan found, and the ones to trade.
    fitted: Lots
    lots: Lots
    #: The objective that no plan can go below, in money.
    bound: Floats
    figures: Figures
    #: True where the arrays hold no answer: plan() has to give it.
    open: Flags


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Accounts, valued; `curves` has all symbols of the first account, then of the next."""

    curves: Curves
    forced: Lots
    total: Floats
    cash: Floats
    cash_target: Floats
    #: Cash that may be spent; inf where only the balance limits it.
    available: Floats

    @property
    def need(self) -> Floats:
        return self.curves.need.reshape(self.forced.shape)

    def cash_after(self, lots: Lots) -> Floats:
        used = self.curves.cash(lots.ravel())
        return self.cash - row_sums(used.reshape(lots.shape))

    def spendable(self, cash_after: Floats) -> Floats:
        return np.minimum(cash_after - self.cash_target, self.available - self.cash + cash_after)

    def cost(self, lots: Lots, cash_after: Floats) -> Floats:
        mid = self.curves.mid.reshape(lots.shape)
        return self.cash - cash_after - row_sums(lots * mid)

    def objective(self, lots: Lots, cash_after: Floats) -> Floats:
        mid = self.curves.mid.reshape(lots.shape)
        distance = row_sums(np.abs(self.need - lots * mid))
        return distance + np.abs(cash_after - self.cash_target) + self.cost(lots, cash_after)


def settle(reading: Reading, terms: Terms, policies: Sequence[PlanPolicy]) -> Outcome:
    """Plan all accounts of a reading; their policies differ in reserve and available cash only."""
    doubtful = _doubtful(reading, terms)
    ledger = _open(reading, terms, policies, doubtful)
    margin = _PRECISION * (np.abs(ledger.cash) + np.abs(ledger.total) + ledger.cash_target)
    cash_forced = ledger.cash_after(ledger.forced)
    columns = terms.targeted
    chosen = np.arange(ledger.forced.size).reshape(ledger.forced.shape)[:, columns].ravel()
    fits = fit_many(
        ledger.curves.take(chosen),
        ledger.spendable(cash_forced) + margin,
        tolerance=ledger.total * _TOLERANCE_BP / 2e4,
    )
    fitted = ledger.forced.copy()
    fitted[:, columns] = fits.lots
    cash_fitted = ledger.cash_after(fitted)
    close = ledger.spendable(cash_fitted) < margin
    gain = ledger.objective(ledger.forced, cash_forced) - ledger.objective(fitted, cash_fitted)
    dropped = np.zeros(len(gain), dtype=np.bool_)
    least = float(terms.policy.minimum_improvement_bp)
    if least:
        missing = least - gain / ledger.total * 1e4
        dropped = (missing > 0) & (cash_forced >= 0)
        close |= (np.abs(missing) < _CLOSE_BP) | (np.abs(cash_forced) < margin)
    lots = np.where(dropped[:, None], ledger.forced, fitted)
    return Outcome(
        fitted=fitted,
        lots=lots,
        bound=2 * fits.bound,
        figures=_figures(ledger, lots, 2 * fits.bound),
        open=doubtful | ~fits.found | close,
    )


def _doubtful(reading: Reading, terms: Terms) -> Flags:
    """Accounts that may not be planned, or not by the arrays alone."""
    unquoted = ((reading.shares != 0) & ~terms.usable).any(axis=1)
    value = reading.shares * (terms.mid / terms.lot)
    known = row_sums(np.where(np.isnan(reading.values), value, reading.values))
    unexplained = np.abs(reading.net_liquidation - reading.cash_balance - known)
    tolerance = float(terms.policy.snapshot_tolerance_percent) / 100 * (1 - _PRECISION * 1e3)
    contradictory = unexplained > np.maximum(reading.net_liquidation * tolerance, 0.0)
    worth = row_sums(value)
    total = reading.cash + worth
    worthless = total <= 1e3 * _PRECISION * (np.abs(reading.cash) + worth)
    uncountable = total > MOST_LOTS * terms.mid.min()
    reasons = (unquoted, contradictory, worthless, uncountable, reading.net_liquidation <= 0)
    return np.asarray(np.logical_or.reduce([reading.unusual, *reasons]))


def _open(reading: Reading, terms: Terms, policies: Sequence[PlanPolicy], skipped: Flags) -> Ledger:
    """Value the accounts; `skipped` ones are taken for an account of one unit of cash."""
    shares = np.where(skipped[:, None], 0.0, reading.shares)
    held = np.where(skipped[:, None], 0, reading.lots)
    cash = np.where(skipped, 1.0, reading.cash)
    value = shares * (terms.mid / terms.lot)
    total = cash + row_sums(value)
    percent = np.array([p.cash_reserve_percent for p in policies], dtype=np.float64)
    floor = np.array([p.minimum_cash_reserve for p in policies], dtype=np.float64)
    reserve = np.minimum(np.maximum(total * percent / 100, floor), total)
    invested = total - reserve
    available = [np.inf if p.available_cash is None else p.available_cash for p in policies]
    return Ledger(
        curves=_curves(terms, invested[:, None] * terms.weight - value, held, total),
        forced=np.where((terms.weight == 0) & terms.may_sell, -held, 0),
        total=total,
        cash=cash,
        cash_target=reserve + invested * terms.cash_weight,
        available=np.array(available, dtype=np.float64),
    )


def _curves(terms: Terms, need: Floats, held: Lots, total: Floats) -> Curves:
    """What each symbol of each account may trade, under the same rules as one account's book."""
    commission, band = terms.policy.commission, terms.policy.drift_band_percent
    free = np.ones(need.shape, dtype=np.bool_)
    if band:
        free = np.abs(need) / total[:, None] * 100 >= float(band + BAND_EDGE)
    most_buy = np.maximum(np.ceil(need / terms.mid), terms.least)
    each = np.ones(need.shape)
    cap = commission.percent_cap
    return Curves(
        mid=(each * terms.mid).ravel(),
        buy=(each * terms.buy).ravel(),
        sell=(each * terms.sell).ravel(),
        need=need.ravel(),
        most_buy=np.where(free & terms.may_buy & (need > 0), most_buy, 0).astype(np.int64).ravel(),
        most_sell=np.where(free & terms.may_sell & (held >= terms.least), held, 0).ravel(),
        least=(each.astype(np.int64) * terms.least).ravel(),
        fee_per_lot=(each * terms.lot * float(commission.per_share)).ravel(),
        fee_minimum=np.full(need.size, float(commission.minimum)),
        fee_cap=np.full(need.size, np.inf if cap is None else float(cap) / 100),
    )


def _figures(ledger: Ledger, lots: Lots, bound: Floats) -> Figures:
    cash_after = ledger.cash_after(lots)
    objective = ledger.objective(lots, cash_after)
    return Figures(
        total_value=ledger.total,
        cash_target=ledger.cash_target,
        cash_before=ledger.cash,
        worst_case_cash_after=cash_after,
        estimated_cost=ledger.cost(lots, cash_after),
        objective_bp=objective / ledger.total * 1e4,
        bound_bp=np.maximum(objective - bound, 0.0) / ledger.total * 1e4,
    )
