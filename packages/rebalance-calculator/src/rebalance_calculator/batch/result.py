"""BatchPlan: the plans of many accounts as arrays, and each of them as a Plan when asked.

In: arrays per account and symbol.  Out: the same, one account's trades, or its whole Plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import numpy as np

from rebalance_calculator.allocations import Targets
from rebalance_calculator.errors import PlanError
from rebalance_calculator.fitting import Floats, Lots
from rebalance_calculator.models import Plan
from rebalance_calculator.planner import open_account, publish
from rebalance_calculator.policy import PlanPolicy
from rebalance_calculator.quotes import Quotes
from rebalance_calculator.sizing import Fitted

from .accounts import Accounts


class BatchVerdict(StrEnum):
    """How an account's plan came about."""

    #: Fitted with all others; within `bound_bp` of the best.
    FITTED = "fitted"
    #: Exactly what plan() gives.
    EXACT = "exact"
    #: There is no plan; nothing must be traded.
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a batch was planned from."""

    accounts: Accounts
    targets: Targets
    quotes: Quotes
    policies: tuple[PlanPolicy, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchPlan:
    """One entry per account, in the order of the input; the figures are named as in Plan.

    Figures are floats in the account currency, nan for a refused account. Trades are exact.
    """

    account_ids: tuple[str, ...]
    verdicts: tuple[BatchVerdict, ...]
    #: By position: why an account was refused.
    errors: Mapping[int, PlanError]
    #: The columns of `lots`, in order of the alphabet.
    symbols: tuple[str, ...]
    #: Signed lots to trade, accounts by symbols; a lot is what the account's policy says.
    lots: Lots
    total_value: Floats
    cash_target: Floats
    cash_before: Floats
    worst_case_cash_after: Floats
    estimated_cost: Floats
    objective_bp: Floats
    #: No permitted plan has an objective that is lower by more than this.
    bound_bp: Floats
    _origin: Origin = field(repr=False)
    #: The best trades found, also where they improve too little to be used.
    _fitted: Lots = field(repr=False)
    _bound: Floats = field(repr=False)
    _exact: Mapping[int, Plan] = field(repr=False)

    def __len__(self) -> int:
        return len(self.account_ids)

    def __iter__(self) -> Iterator[Plan | PlanError]:
        """Every account's plan, or why it has none."""
        return (self.errors.get(at) or self.plan(at) for at in range(len(self)))

    def trades(self, at: int) -> dict[str, Decimal]:
        """Signed shares by symbol of the account at this position; empty for a refused one."""
        return self._shares(at, self.lots[at])

    def plan(self, at: int) -> Plan:
        """The plan of the account at this position; raises the PlanError of a refused one."""
        if at in self.errors:
            raise self.errors[at]
        if at in self._exact:
            return self._exact[at]
        origin = self._origin
        account = open_account(
            origin.accounts.snapshot(at), origin.targets, origin.quotes, origin.policies[at]
        )
        bound = Decimal(float(self._bound[at]))
        fitted = Fitted(trades=self._shares(at, self._fitted[at]), bound=bound)
        return publish(account, fitted, self.trades(at))

    def _shares(self, at: int, lots: Lots) -> dict[str, Decimal]:
        policy = self._origin.policies[at]
        traded = [(self.symbols[column], column) for column in np.flatnonzero(lots).tolist()]
        return {symbol: int(lots[column]) * policy.lot_of(symbol) for symbol, column in traded}
