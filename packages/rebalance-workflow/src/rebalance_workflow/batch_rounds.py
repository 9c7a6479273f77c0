"""The rounds of many accounts at once, on a projected market.

Comes in: accounts with the same targets and the quotes that were read for all of them. Goes out:
what `Rounds` comes to in a preview of each, or why it cannot be planned. Step by step the same as
there, but every step of all accounts is one `plan_many`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from broker_connector_base import ContractPrice, Instrument
from rebalance_calculator import Plan, PlanError, PlanLine, plan_many

from .projection import project
from .situation import Planner, Situation, must_wait


@dataclass(kw_only=True, eq=False)
class AccountRounds:
    """What has been planned and projected so far for one account."""

    planner: Planner
    situation: Situation
    #: The plan of the first round; there is none for an account that is refused.
    opening: Plan = field(init=False)
    traded: list[PlanLine] = field(default_factory=list)
    count: int = 0
    #: Cash that has to settle before the rest is bought.
    awaited: Decimal = Decimal(0)
    #: Why there is no plan, or no further one.
    error: PlanError | None = None

    def trade(self, lines: Sequence[PlanLine]) -> None:
        """Fill the lines at the quotes."""
        self.traded.extend(lines)
        situation, commission = self.situation, self.planner.policy.commission
        snapshot = project(situation.snapshot, lines, situation.mids, commission)
        self.situation = replace(situation, snapshot=snapshot)


_Planned = list[tuple[AccountRounds, Plan]]


class BatchRounds:
    """Plans accounts of one target together; `exact` plans each as a preview of it alone does."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        quotes: Sequence[ContractPrice],
        *,
        exact: bool,
    ) -> None:
        """`instruments` and `quotes` are those of all symbols of all accounts."""
        self._instruments = instruments
        self._quotes = quotes
        self._exact = exact

    def trade(self, accounts: Sequence[AccountRounds], *, most: int) -> None:
        """Take every account through its rounds, at most `most`; errors stay with their account."""
        planned = self._plan(accounts)
        for account, plan in planned:
            account.opening = plan
        for _ in range(most):
            planned = _unfinished(planned)
            self._trade_round(planned)
            planned = self._plan([account for account, _ in planned])
        _unfinished(planned)

    def _trade_round(self, planned: _Planned) -> None:
        sellers = []
        for account, plan in planned:
            account.count += 1
            if plan.sells:
                account.trade(plan.sells)
                sellers.append(account)
        buying = [(account, plan) for account, plan in planned if not plan.sells]
        for account, plan in (*buying, *self._plan(sellers, buys_only=True)):
            if plan.buys:
                account.trade(plan.buys)

    def _plan(self, accounts: Sequence[AccountRounds], *, buys_only: bool = False) -> _Planned:
        """The plans of the accounts that have one, as `Planner.plan` makes them."""
        planned = self._plan_alike(accounts, buys_only=buys_only)
        waiting = [a for a, plan in planned if not buys_only and must_wait(a.situation, plan)]
        within_settled = dict(self._plan_alike(waiting, buys_only=True))
        return [
            (account, within_settled.get(account, plan))
            for account, plan in planned
            if account.error is None
        ]

    def _plan_alike(self, accounts: Sequence[AccountRounds], *, buys_only: bool) -> _Planned:
        if not accounts:
            return []
        planner = accounts[0].planner
        many = plan_many(
            [account.situation.snapshot for account in accounts],
            planner.target.items,
            planner.seen(self._quotes),
            [
                account.planner.plan_policy(
                    account.situation, self._instruments, buys_only=buys_only
                )
                for account in accounts
            ],
            exact=self._exact,
        )
        planned = []
        for account, plan in zip(accounts, many, strict=True):
            if isinstance(plan, PlanError):
                account.error = plan
            else:
                planned.append((account, plan))
        return planned


def _unfinished(planned: _Planned) -> _Planned:
    """Those that have something to trade; of the others, what they wait for is noted."""
    for account, plan in planned:
        if plan.is_empty:
            account.awaited = account.planner.awaited_cash(account.situation)
    return [(account, plan) for account, plan in planned if not plan.is_empty]
