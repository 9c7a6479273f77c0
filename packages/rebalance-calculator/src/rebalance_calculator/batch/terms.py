"""What targets, quotes and one policy say about every symbol of a batch, as arrays.

In: symbols, targets, quotes, policy.  Out: prices, lots and permissions by column, worked out in
Decimal once and then rounded.  Never looks at an account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from rebalance_calculator.allocations import Targets
from rebalance_calculator.book import buy_limit, least_lots
from rebalance_calculator.errors import QuoteError
from rebalance_calculator.fitting import Flags, Floats, Lots
from rebalance_calculator.policy import PlanPolicy
from rebalance_calculator.quotes import Market, Quotes, validate_quotes


@dataclass(frozen=True, kw_only=True)
class Terms:
    """One entry per symbol; prices are for one lot and mean nothing without a usable quote."""

    policy: PlanPolicy
    lots: tuple[Decimal, ...]
    lot: Floats
    mid: Floats
    #: Buys are limited to this.
    buy: Floats
    #: The bid.
    sell: Floats
    #: Smallest order, in lots.
    least: Lots
    #: Fraction of the invested value.
    weight: Floats
    usable: Flags
    may_buy: Flags
    may_sell: Flags
    cash_weight: float

    @property
    def targeted(self) -> Lots:
        """The columns that are in the allocation."""
        return np.flatnonzero(self.weight)

    @property
    def can_fit(self) -> bool:
        """Whether there is anything to fit, and a price for all of it."""
        return bool(self.targeted.size and self.usable[self.targeted].all())


def terms_of(symbols: Sequence[str], targets: Targets, quotes: Quotes, policy: PlanPolicy) -> Terms:
    markets = _usable(symbols, quotes, policy)
    lots = tuple(map(policy.lot_of, symbols))
    none = Market(bid=Decimal(1), ask=Decimal(1), mid=Decimal(1))
    found = [(s, markets.get(s, none), lot) for s, lot in zip(symbols, lots, strict=True)]
    return Terms(
        policy=policy,
        lots=lots,
        lot=np.array(lots, dtype=np.float64),
        mid=np.array([m.mid * lot for _, m, lot in found], dtype=np.float64),
        buy=np.array([buy_limit(policy, s, m.ask) * lot for s, m, lot in found], dtype=np.float64),
        sell=np.array([m.bid * lot for _, m, lot in found], dtype=np.float64),
        least=np.array([least_lots(policy, m.mid * lot) for _, m, lot in found], dtype=np.int64),
        weight=np.array([targets.weights.get(s, 0) for s in symbols], dtype=np.float64),
        usable=np.array([s in markets for s in symbols], dtype=np.bool_),
        may_buy=np.array([s not in policy.buy_blocked for s in symbols], dtype=np.bool_),
        may_sell=np.array(
            [s not in policy.sell_blocked and not policy.buys_only for s in symbols],
            dtype=np.bool_,
        ),
        cash_weight=float(targets.cash),
    )


def _usable(symbols: Sequence[str], quotes: Quotes, policy: PlanPolicy) -> dict[str, Market]:
    """The markets of all symbols that have a good quote."""
    try:
        return validate_quotes(quotes, symbols, policy)
    except QuoteError as error:
        return validate_quotes(quotes, set(symbols) - set(error.symbols), policy)
