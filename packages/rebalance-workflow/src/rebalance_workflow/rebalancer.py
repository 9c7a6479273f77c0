"""The one two-phase rebalance that all brokers share: preview and execute.

Comes in: a broker session that its caller opened, an allocation source, a policy and a journal.
Goes out: a `PreviewResult` or a `RunResult`. As long as no order was placed, anything wrong is
raised; from the first order on, a run always ends with a result that says what was traded and
whether something is in doubt. One account has at most one run at a time: the caller holds its lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from broker_connector_base import AccountConfig, BaseRebalancer, BrokerClient
from rebalance_calculator import ReplacementSet

from .allocation_service import AllocationService
from .allocation_sources import AllocationSource
from .clock import Clock, SystemClock
from .errors import Permit, always_permitted
from .journal import RunJournal
from .live_run import LiveRun
from .order_ids import new_run_id
from .policy import RebalancePolicy
from .preview import preview
from .progress import Progress, Reporter
from .replacement_service import ReplacementService
from .results import PreviewResult, RunResult
from .session import Session


class Rebalancer(BaseRebalancer):
    """Rebalances accounts through one broker session."""

    def __init__(
        self,
        broker_client: BrokerClient,
        allocation_source: AllocationSource,
        *,
        journal: RunJournal,
        policy: RebalancePolicy | None = None,
        replacement_sets: Mapping[str, ReplacementSet] | None = None,
        progress: Progress | None = None,
        clock: Clock | None = None,
        run_id: Callable[[datetime], str] = new_run_id,
        permit: Permit = always_permitted,
    ) -> None:
        """`permit` is asked before each order of a run."""
        super().__init__(broker_client)
        self._allocations = AllocationService(
            allocation_source, ReplacementService(replacement_sets or {})
        )
        self._journal = journal
        self._policy = policy or RebalancePolicy()
        self._progress = progress
        self._clock = clock or SystemClock()
        self._run_id = run_id
        self._permit = permit

    async def calculate_rebalance(self, account_config: AccountConfig) -> PreviewResult:
        """Say what `rebalance_account` would trade now; sends no order and cancels none.

        Raises `AllocationSourceError`, the calculator's `PlanError`, `RebalanceStopped` and the
        broker's errors.
        """
        reporter = self._reporter(account_config, self._run_id(self._clock.now()))
        return await preview(
            self._session(reporter),
            account_config,
            allocations=self._allocations,
            policy=self._policy,
            clock=self._clock,
            reporter=reporter,
        )

    async def rebalance_account(self, account_config: AccountConfig) -> RunResult:
        """Trade the account to its target allocation.

        Raises what `calculate_rebalance` raises, `JournalError` and `PermitWithdrawn`, as long as
        no order was placed; afterwards a failure is a result with its status and reason.
        """
        run_id = self._run_id(self._clock.now())
        reporter = self._reporter(account_config, run_id)
        run = LiveRun(
            self._session(reporter),
            account_config,
            run_id=run_id,
            allocations=self._allocations,
            policy=self._policy,
            journal=self._journal,
            clock=self._clock,
            reporter=reporter,
            permit=self._permit,
        )
        return await run.execute()

    def _reporter(self, account: AccountConfig, run_id: str) -> Reporter:
        return Reporter(
            self._progress, run_id=run_id, account_id=account.account_id, clock=self._clock
        )

    def _session(self, reporter: Reporter) -> Session:
        return Session(
            self.broker,
            reconnect_timeout_seconds=self._policy.reconnect_timeout_seconds,
            on_reconnect=reporter.reconnecting,
        )
