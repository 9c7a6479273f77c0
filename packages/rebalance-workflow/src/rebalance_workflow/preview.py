"""What a run would trade now: the same rounds, on a projected market.

Comes in: an account and a broker session. Goes out: a `PreviewResult`. It sends nothing to the
broker but questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from broker_connector_base import AccountConfig, OpenOrder
from rebalance_calculator import Plan, PlanLine

from .allocation_service import AllocationService
from .clearing import describe, split_orders
from .clock import Clock
from .concurrency import together
from .policy import RebalancePolicy
from .progress import Reporter, Stage
from .projection import ProjectedMarket
from .reporting import awaited_cash, cash_after, holdings, managed_value, proposed_trades
from .results import PreviewResult
from .rounds import Rounds
from .session import Session
from .situation import Planner, Situation, quote_warnings, read_situation


async def preview(
    session: Session,
    account: AccountConfig,
    *,
    allocations: AllocationService,
    policy: RebalancePolicy,
    clock: Clock,
    reporter: Reporter,
) -> PreviewResult:
    """Plan and project; raises whatever keeps a run from starting."""
    reporter.stage(Stage.READING)
    target, open_orders = await together(
        allocations.get_target(account),
        session.ask(lambda: session.broker.get_open_orders(account.account_id)),
    )
    planner = Planner(account=account, target=target, policy=policy, live=False)
    start = await read_situation(session, planner)
    reporter.stage(Stage.PLANNING)
    rounds = Rounds(planner, start)
    market = ProjectedMarket(commission=policy.commission)
    await rounds.trade(market, most=policy.max_rounds)
    result = preview_result(planner, start, rounds, open_orders, clock.now())
    reporter.stage(Stage.FINISHED)
    return result


class Projected(Protocol):
    """What rounds on a projected market came to; `Rounds` is one."""

    #: The plan of the first round.
    opening: Plan
    #: The account after all rounds.
    situation: Situation
    #: The lines of all rounds, in order.
    traded: list[PlanLine]
    #: Rounds that trade.
    count: int
    #: Cash that has to settle before the rest is bought.
    awaited: Decimal


def preview_result(
    planner: Planner,
    start: Situation,
    rounds: Projected,
    open_orders: Sequence[OpenOrder],
    now: datetime,
) -> PreviewResult:
    """The report on an account that was read as `start` and projected."""
    opening, account = rounds.opening, planner.account
    cash = cash_after(opening, start.snapshot, rounds.situation.snapshot)
    total = managed_value(rounds.situation, cash)
    awaited, waiting = awaited_cash(rounds.awaited, rounds.situation, now)
    return PreviewResult(
        account_id=account.account_id,
        account_type=account.type,
        currency=start.snapshot.currency,
        target=planner.target,
        plan=opening,
        rounds=rounds.count,
        holdings=holdings(opening, rounds.situation, total),
        cash_before=opening.cash_before,
        cash_after=cash,
        cash_target=opening.cash_target,
        awaited=awaited,
        as_of=now,
        proposed_trades=proposed_trades(rounds.traded, start),
        current_value=start.snapshot.total_value,
        success=True,
        estimated_cost=opening.total_value - total,
        open_orders=tuple(open_orders),
        warnings=(
            *opening.warnings,
            *waiting,
            *planner.target.notes,
            *quote_warnings(start.quotes, planner.policy),
            *_order_warnings(open_orders, start, planner),
        ),
    )


def _order_warnings(
    open_orders: Sequence[OpenOrder], start: Situation, planner: Planner
) -> list[str]:
    ours, foreign = split_orders(open_orders, planner.account.account_id, planner.policy)
    in_the_way = [order for order in foreign if order.symbol in start.symbols]
    warnings = [f"a run would first cancel {describe(ours)}"] if ours else []
    if in_the_way:
        warnings.append(f"a run would refuse to start beside {describe(in_the_way)}")
    return warnings
