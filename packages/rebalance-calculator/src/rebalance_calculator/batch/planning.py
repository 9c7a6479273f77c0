"""plan_many(): one model, many accounts, each planned within its own rules.

In: snapshots or arrays, one allocation list, one set of quotes, a policy or one per account.
Out: a BatchPlan.  What the arrays cannot judge for certain is planned by plan(), account by
account; one account's trouble is never another's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter

import numpy as np

from broker_connector_base.models import AccountSnapshot, AllocationItem
from rebalance_calculator.allocations import Targets, validate_allocations
from rebalance_calculator.errors import PlanError
from rebalance_calculator.models import Plan
from rebalance_calculator.planner import plan
from rebalance_calculator.policy import PlanPolicy
from rebalance_calculator.quotes import Quotes
from rebalance_calculator.symbols import normal_symbol

from .accounts import BatchInput, Snapshots
from .ledger import Figures, Outcome, settle
from .result import BatchPlan, BatchVerdict, Origin
from .terms import terms_of

#: Accounts that are fitted at once: as many as keep the arrays within a processor's cache.
CHUNK = 128
#: What policies may differ in and still be fitted together.
_PER_ACCOUNT = {"available_cash", "cash_reserve_percent", "minimum_cash_reserve"}
_shared = attrgetter(*sorted(PlanPolicy.model_fields.keys() - _PER_ACCOUNT - {"lots", "ticks"}))


def plan_many(
    accounts: Sequence[AccountSnapshot] | BatchInput,
    allocations: Sequence[AllocationItem],
    quotes: Quotes,
    policy: PlanPolicy | Sequence[PlanPolicy],
    *,
    exact: bool = False,
) -> BatchPlan:
    """Plan every account for the same targets at the same prices.

    Every plan keeps all rules of plan(); its objective is at most `bound_bp` above the best, or
    with `exact` the one of plan(). An account that plan() refuses is refused in the result. Raises
    AllocationError for a bad list and ValueError when policies and accounts differ in number.
    """
    source = accounts if isinstance(accounts, BatchInput) else Snapshots(accounts)
    targets = validate_allocations(allocations)
    policies = (policy,) * len(source) if isinstance(policy, PlanPolicy) else tuple(policy)
    if len(policies) != len(source):
        raise ValueError(f"{len(policies)} policies for {len(source)} accounts")
    origin = Origin(accounts=source, targets=targets, quotes=quotes, policies=policies)
    draft = _Draft(origin)
    if not exact:
        _fit(origin, draft)
    for at in draft.open_accounts():
        try:
            draft.take_plan(at, plan(source.snapshot(at), allocations, quotes, policies[at]))
        except PlanError as error:
            draft.errors[at] = error
    return draft.finish()


def _fit(origin: Origin, draft: _Draft) -> None:
    for rows in _alike(origin.policies):
        terms = terms_of(draft.symbols, origin.targets, origin.quotes, origin.policies[rows[0]])
        if not terms.can_fit:
            continue
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            reading = origin.accounts.read(some, draft.columns, terms.lots)
            draft.take(some, settle(reading, terms, [origin.policies[row] for row in some]))


def _alike(policies: Sequence[PlanPolicy]) -> Iterator[list[int]]:
    """Positions of policies that differ in nothing but what they may."""
    keys: dict[int, Hashable] = {}
    groups: dict[Hashable, list[int]] = {}
    for at, policy in enumerate(policies):
        if id(policy) not in keys:
            keys[id(policy)] = _key(policy)
        groups.setdefault(keys[id(policy)], []).append(at)
    yield from groups.values()


def _key(policy: PlanPolicy) -> Hashable:
    return _shared(policy), frozenset(policy.lots.items()), frozenset(policy.ticks.items())


class _Draft:
    """The arrays of a batch while they fill up."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        spelled = {raw: normal_symbol(raw) for raw in origin.accounts.symbols}
        self.symbols = tuple(sorted({*_wanted(origin.targets), *spelled.values()}))
        place = {symbol: column for column, symbol in enumerate(self.symbols)}
        #: Column by symbol, however it is spelled.
        self.columns = place | {raw: place[symbol] for raw, symbol in spelled.items()}
        count = len(origin.accounts)
        self._lots = np.zeros((count, len(self.symbols)), dtype=np.int64)
        self._fitted = np.zeros_like(self._lots)
        self._bound = np.full(count, np.nan)
        self._figures = {f.name: np.full(count, np.nan) for f in fields(Figures)}
        self._is_open = np.ones(count, dtype=np.bool_)
        self._exact: dict[int, Plan] = {}
        self.errors: dict[int, PlanError] = {}

    def take(self, rows: Sequence[int], outcome: Outcome) -> None:
        settled = ~outcome.open
        at = np.array(rows)[settled]
        self._is_open[at] = False
        self._lots[at], self._fitted[at] = outcome.lots[settled], outcome.fitted[settled]
        self._bound[at] = outcome.bound[settled]
        for name, values in self._figures.items():
            values[at] = getattr(outcome.figures, name)[settled]

    def take_plan(self, at: int, result: Plan) -> None:
        self._exact[at] = result
        for line in result.trades:
            lot = self._origin.policies[at].lot_of(line.symbol)
            self._lots[at, self.columns[line.symbol]] = int(line.quantity / lot)
        for name, values in self._figures.items():
            values[at] = float(getattr(result, name))

    def open_accounts(self) -> list[int]:
        return np.flatnonzero(self._is_open).tolist()

    def finish(self) -> BatchPlan:
        return BatchPlan(
            account_ids=self._origin.accounts.account_ids,
            verdicts=tuple(map(self._verdict, range(len(self._is_open)))),
            errors=self.errors,
            symbols=self.symbols,
            lots=self._lots,
            **self._figures,
            _origin=self._origin,
            _fitted=self._fitted,
            _bound=self._bound,
            _exact=self._exact,
        )

    def _verdict(self, at: int) -> BatchVerdict:
        if at in self.errors:
            return BatchVerdict.REFUSED
        return BatchVerdict.EXACT if at in self._exact else BatchVerdict.FITTED


def _wanted(targets: Targets) -> set[str]:
    return {symbol for symbol, weight in targets.weights.items() if weight}
