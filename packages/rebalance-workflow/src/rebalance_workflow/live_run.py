"""One run on one account, from the recovery of earlier ones to the verdict.

Comes in: an account and a broker session. Goes out: a `RunResult`, or the error that kept the run
from placing its first order. The order of steps is the contract: allocations are valid before
anything is sent, own orders are gone before the account is read, intents are on the disk before
orders leave.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import structlog

from broker_connector_base import AccountConfig, BrokerError, Fill, RunStatus
from rebalance_calculator import PlanError

from .allocation_service import AllocationService
from .cash_memory import waited_until_it_fits
from .clearing import check_foreign_orders, clear_orders
from .clock import Clock
from .concurrency import together
from .desk import OrderDesk
from .earlier_runs import EarlierRuns, earlier_runs
from .errors import Permit, PermitWithdrawn, RebalanceStopped
from .execution import LiveMarket, RunHalted
from .journal import CashKnown, JournalError, RunFinished, RunJournal, RunStarted
from .policy import RebalancePolicy
from .progress import Reporter, Stage
from .recovery import describe_unfilled, note_listed, recover, untold_trades
from .reporting import awaited_cash, cash_after, executed_trades, holdings, managed_value
from .results import RecoveredTrade, RunResult
from .rounds import Rounds
from .session import Session
from .situation import Planner, Situation, read_situation
from .verdict import judge

_log = structlog.get_logger(__name__)

_ZERO = Decimal(0)
#: Errors whose words say enough; any other is logged with its traceback.
_FORESEEN = (RunHalted, PlanError, BrokerError, JournalError, PermitWithdrawn)


class LiveRun:
    """Executes once."""

    def __init__(
        self,
        session: Session,
        account: AccountConfig,
        *,
        run_id: str,
        allocations: AllocationService,
        policy: RebalancePolicy,
        journal: RunJournal,
        clock: Clock,
        reporter: Reporter,
        permit: Permit,
    ) -> None:
        self._session = session
        self._account = account
        self._run_id = run_id
        self._allocations = allocations
        self._policy = policy
        self._journal = journal
        self._clock = clock
        self._reporter = reporter
        self._permit = permit
        self._started_at = clock.now()
        self._notes: list[str] = []
        self._recovered: tuple[RecoveredTrade, ...] = ()

    async def execute(self) -> RunResult:
        """Rebalance the account; raises only while no order has been placed."""
        recent = self._journal.recent(self._account.account_id)
        earlier = earlier_runs(recent, self._started_at)
        self._journal.append(
            RunStarted(
                run_id=self._run_id,
                account_id=self._account.account_id,
                at=self._started_at,
                strategy=self._account.strategy_name,
            ),
            *earlier.redated,
        )
        try:
            result, cash = await self._execute(earlier)
        except Exception as error:
            stopped = isinstance(error, RebalanceStopped)
            status = RunStatus.NEEDS_ATTENTION if stopped else RunStatus.FAILED
            with suppress(JournalError):
                self._write_end(status, str(error), told=False)
            raise
        try:
            self._write_end(result.status, result.error, cash)
        except JournalError as error:
            result = result.model_copy(update={"warnings": (*result.warnings, str(error))})
        self._reporter.stage(Stage.FINISHED, result.status.value)
        return result

    def _write_end(
        self,
        status: RunStatus,
        reason: str | None,
        cash: CashKnown | None = None,
        *,
        told: bool = True,
    ) -> None:
        """Without `cash` what the records before say of it stands."""
        self._journal.append(
            RunFinished(
                run_id=self._run_id,
                account_id=self._account.account_id,
                at=self._clock.now(),
                status=status,
                reason=reason,
                open_orders=len(self._journal.unfinished(self._account.account_id)),
                cash=cash,
                told=told,
            )
        )

    async def _execute(self, earlier: EarlierRuns) -> tuple[RunResult, CashKnown | None]:
        """The result, and what the next run shall know of the cash."""
        planner, start = await self._prepare(earlier)
        self._reporter.stage(Stage.PLANNING)
        rounds = Rounds(planner, start)
        desk, market = self._at_the_broker(start, earlier.cash)
        async with desk.open():
            stopped_by = await _error_of(rounds.trade(market, most=self._policy.max_rounds))
            if stopped_by is not None and not market.orders:
                raise stopped_by
            # Orders exist: whatever goes wrong from here on, what was traded has to be told.
            self._reporter.stage(Stage.RECONCILING)
            await _error_of(desk.wait_for_commissions())
        cash = market.cash_known() if market.orders else earlier.cash
        if stopped_by is not None:
            await _error_of(market.look())
        return self._result(planner, start, rounds, market, stopped_by), cash

    def _at_the_broker(
        self, start: Situation, cash_known: CashKnown | None
    ) -> tuple[OrderDesk, LiveMarket]:
        desk = OrderDesk(
            self._session,
            self._account.account_id,
            journal=self._journal,
            policy=self._policy,
            clock=self._clock,
            on_change=lambda order: self._reporter.order(order.progress),
            permit=self._permit,
        )
        market = LiveMarket(
            self._session,
            desk,
            start.snapshot,
            cash_known=cash_known,
            run_id=self._run_id,
            policy=self._policy,
            clock=self._clock,
            reporter=self._reporter,
        )
        return desk, market

    async def _prepare(self, earlier: EarlierRuns) -> tuple[Planner, Situation]:
        """Everything before the first plan; all that is sent is the cancellation of own orders."""
        account_id, pending = self._account.account_id, earlier.pending
        self._reporter.stage(Stage.READING)
        target, open_orders = await together(
            self._allocations.get_target(self._account),
            self._session.ask(lambda: self._session.broker.get_open_orders(account_id)),
        )
        planner = Planner(account=self._account, target=target, policy=self._policy, live=True)
        if open_orders:
            self._reporter.stage(Stage.CLEARING, f"{len(open_orders)} open orders")
        try:
            foreign = await clear_orders(
                self._session, account_id, open_orders, self._policy, is_settled=not pending
            )
        except BaseException:
            note_listed(pending, open_orders, self._journal, self._clock)
            raise
        if pending:
            self._reporter.stage(Stage.RECOVERING, f"{len(pending)} orders of earlier runs")
        outcomes = await recover(
            self._session, pending, self._journal, self._policy, self._clock, doubts=earlier.doubts
        )
        self._notes.extend(describe_unfilled(outcomes, earlier.records))
        self._recovered = untold_trades((*earlier.records, *outcomes))
        start = await read_situation(self._session, planner)
        if await self._waited_for_cash(start, earlier.cash):
            # Prices and positions have moved on, too.
            start = await read_situation(self._session, planner)
            await self._waited_for_cash(start, earlier.cash)
        check_foreign_orders(foreign, start.symbols)
        return planner, start

    async def _waited_for_cash(self, start: Situation, known: CashKnown | None) -> bool:
        """True when the broker told at first of more cash than the runs before can have left."""
        if known is None:
            return False
        return await waited_until_it_fits(self._session, start.snapshot, known, self._policy)

    def _result(
        self,
        planner: Planner,
        start: Situation,
        rounds: Rounds,
        market: LiveMarket,
        stopped_by: Exception | None,
    ) -> RunResult:
        orders = market.orders
        status, reason, attention = judge(rounds, orders, stopped_by)
        before, after = start.snapshot, market.latest
        cash = cash_after(rounds.opening, before, after)
        end = replace(rounds.situation, snapshot=after)
        executed = executed_trades(orders, market.lines)
        awaited, waiting = awaited_cash(rounds.awaited, rounds.situation, self._clock.now())
        return RunResult(
            run_id=self._run_id,
            account_id=self._account.account_id,
            account_type=self._account.type,
            currency=before.currency,
            target=planner.target,
            plan=rounds.opening,
            rounds=rounds.count,
            holdings=holdings(rounds.opening, end, managed_value(end, cash)),
            cash_before=rounds.opening.cash_before,
            cash_after=cash,
            cash_target=rounds.opening.cash_target,
            awaited=awaited,
            as_of=self._started_at,
            status=status,
            success=status in (RunStatus.DONE, RunStatus.NOTHING_TO_DO),
            error=reason,
            attention=attention,
            started_at=self._started_at,
            finished_at=self._clock.now(),
            orders=executed,
            fills=tuple(market.fills),
            recovered=self._recovered,
            before=before,
            after=after,
            reconciliation=market.reconciliation(),
            total_value=after.total_value,
            cash_balance=after.cash_balance,
            slippage=sum((trade.slippage or _ZERO for trade in executed), _ZERO),
            commission=sum((trade.commission or _ZERO for trade in executed), _ZERO),
            warnings=(
                *self._notes,
                *rounds.opening.warnings,
                *waiting,
                *planner.target.notes,
                *market.warnings,
                *_untold_commissions(market.fills),
            ),
        )


async def _error_of(step: Coroutine[Any, Any, None]) -> Exception | None:
    """Take a step; the error that ended it is logged and returned."""
    try:
        await step
    except Exception as error:
        foreseen = isinstance(error, _FORESEEN)
        _log.warning("step_failed", error=str(error), exc_info=not foreseen)
        return error
    return None


def _untold_commissions(fills: Sequence[Fill]) -> Iterator[str]:
    untold = sum(fill.commission is None for fill in fills)
    if untold:
        yield f"the broker has not told the commission of {untold} fills"
