"""The order of things in a rebalance: sell, look again, buy what the cash allows, and once more.

Comes in: a situation, a planner and a market that trades. Goes out: the rounds that were traded and
the situation after them. A preview and a run go through this same function; only the market
differs, so with unchanged quotes a run trades what the preview showed.

Each round starts from the whole plan, not only from its buys, and the last round is the one whose
plan is empty. That makes the next run, which would compute this same plan, trade nothing. More than
one round is needed because limit buys usually fill below their limit, and the cash that is left
over may buy another share or pay for a better fit; the README has measurements. An order that
failed ends the run with its round: filling the gap with something else would have to be undone by
the next run. Orders that were kept back, because the broker was out of reach when they were due,
are planned anew on what is true afterwards; such a round does not count against the limit. An
account that shows less cash than its fills left gets no further round, either: it looks smaller
than it is, and what is right would be sold. What a
cash account cannot buy before its sales have settled is left to a later run.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from rebalance_calculator import Plan, PlanLine

from .journal import Phase
from .situation import Planner, Situation


class Market(Protocol):
    """Whoever turns lines of a plan into fills: the broker, or a projection."""

    async def trade(
        self, lines: Sequence[PlanLine], *, phase: Phase, round_number: int, situation: Situation
    ) -> Situation:
        """Trade the lines at the same time and return what is true afterwards."""
        ...


class Rounds:
    """What has been planned and traded so far; it stays readable when a round fails."""

    def __init__(self, planner: Planner, start: Situation) -> None:
        """Make the first plan; raises the calculator's `PlanError`."""
        self._planner = planner
        self.situation = start
        #: What the run set out to do.
        self.opening: Plan = planner.plan(start)
        #: The lines that were traded, in order.
        self.traded: list[PlanLine] = []
        #: Rounds that were begun.
        self.count = 0
        #: Those of them that kept orders back.
        self.put_off = 0
        #: True once a plan came out empty: nothing is left to do now.
        self.converged = False
        #: Cash that has to settle before the rest is bought.
        self.awaited = Decimal(0)

    async def trade(self, market: Market, *, most: int) -> None:
        """Trade until the plan is empty or an order did not go through, at most `most` rounds.

        At most as many more are begun when orders were kept back. Raises what the planner or the
        market raises; what was traded before stays on record.
        """
        plan = self.opening
        while not plan.is_empty:
            if self.put_off > most or self.count - self.put_off == most:
                return
            self.count += 1
            await self._trade_one(plan, market)
            self.put_off += self.situation.put_off
            if self.situation.impaired:
                return
            plan = self._planner.plan(self.situation)
            if self.situation.lacks_cash and not plan.is_empty:
                return
        self.converged = True
        self.awaited = self._planner.awaited_cash(self.situation)

    async def _trade_one(self, plan: Plan, market: Market) -> None:
        buys = plan.buys
        if plan.sells:
            await self._trade_lines(plan.sells, Phase.SELL, market)
            if self.situation.put_off:
                return
            buys = self._planner.plan(self.situation, buys_only=True).buys
        if buys:
            await self._trade_lines(buys, Phase.BUY, market)

    async def _trade_lines(self, lines: tuple[PlanLine, ...], phase: Phase, market: Market) -> None:
        self.traded.extend(lines)
        self.situation = await market.trade(
            lines, phase=phase, round_number=self.count, situation=self.situation
        )
