"""One account at a scripted broker, its strategy, its journal, and a rebalancer for it.

Comes in: holdings, quotes and weights of a test. Goes out: previews and runs on an event loop
without waiting, and the broker's books to assert on. Orders cost what the policy's commission model
says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from broker_connector_base import AccountConfig, AllocationItem
from broker_connector_base.testing import Account, Books, FakeBroker, LoopClock
from rebalance_calculator import ReplacementSet
from rebalance_workflow.allocation_sources import TargetAllocation
from rebalance_workflow.errors import Permit, always_permitted
from rebalance_workflow.journal import MemoryJournal, RunJournal
from rebalance_workflow.policy import RebalancePolicy
from rebalance_workflow.progress import ProgressEvent
from rebalance_workflow.rebalancer import Rebalancer
from rebalance_workflow.results import PreviewResult, RunResult

ACCOUNT = "DU1"

Amount = Decimal | int | str


@dataclass
class FixedSource:
    """Publishes the weights that a test sets, or raises what it sets."""

    weights: Mapping[str, Amount]
    error: Exception | None = None

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        """The weights as they are now."""
        if self.error is not None:
            raise self.error
        return TargetAllocation(
            strategy=strategy_name,
            items=tuple(
                AllocationItem(symbol=symbol, allocation=Decimal(weight))
                for symbol, weight in self.weights.items()
            ),
            source="test",
            as_of="2026-01-05",
        )


@dataclass
class World:
    """Everything around one rebalanced account; sessions come and go, the rest stays."""

    books: Books
    broker: FakeBroker
    source: FixedSource
    journal: RunJournal
    clock: LoopClock
    policy: RebalancePolicy
    account: AccountConfig
    replacement_sets: Mapping[str, ReplacementSet] = field(default_factory=dict)
    events: list[ProgressEvent] = field(default_factory=list)
    permit: Permit = always_permitted
    runs: int = 0

    def rebalancer(self) -> Rebalancer:
        """A rebalancer on the current session."""
        return Rebalancer(
            self.broker,
            self.source,
            journal=self.journal,
            policy=self.policy,
            replacement_sets=self.replacement_sets,
            progress=self.events.append,
            clock=self.clock,
            run_id=lambda now: self._next_run_id(),
            permit=self.permit,
        )

    async def preview(self) -> PreviewResult:
        """Preview on the current session, connected if need be."""
        await self.broker.connect()
        return await self.rebalancer().calculate_rebalance(self.account)

    async def run(self) -> RunResult:
        """Run on the current session, connected if need be."""
        await self.broker.connect()
        return await self.rebalancer().rebalance_account(self.account)

    def new_session(self) -> None:
        """End the session as a crash would; the next one has the same client id and no memory."""
        self.books.drop()
        self.broker = FakeBroker(self.books, self.broker.client_id)

    @property
    def holdings(self) -> Account:
        """What the account really holds."""
        return self.books.accounts[ACCOUNT]

    def sent(self) -> list[tuple[str, Decimal]]:
        """Orders that reached the broker: (symbol, signed quantity), in order."""
        return [(order.symbol, order.quantity) for order in self.books.orders]

    def traded(self) -> dict[str, Decimal]:
        """Signed shares executed per symbol."""
        total: dict[str, Decimal] = {}
        for fill in self.books.executions:
            total[fill.symbol] = total.get(fill.symbol, Decimal(0)) + fill.quantity
        return total

    def _next_run_id(self) -> str:
        self.runs += 1
        return f"run{self.runs}"


def make_world(
    *,
    cash: Amount,
    quotes: Mapping[str, tuple[Amount, Amount]],
    weights: Mapping[str, Amount],
    shares: Mapping[str, Amount] | None = None,
    policy: RebalancePolicy | None = None,
    journal: RunJournal | None = None,
    cash_reserve_percent: Amount = 1,
) -> World:
    """A world with one account; `quotes` holds bid and ask, `weights` fractions."""
    clock = LoopClock()
    policy = policy or RebalancePolicy()
    books = Books(now=clock.now, commission=policy.commission.fee)
    books.add_account(ACCOUNT, cash=cash, shares=shares)
    for symbol, (bid, ask) in quotes.items():
        books.add_instrument(symbol, bid=bid, ask=ask)
    return World(
        books=books,
        broker=FakeBroker(books),
        source=FixedSource(weights),
        journal=journal or MemoryJournal(),
        clock=clock,
        policy=policy,
        account=AccountConfig(
            account_id=ACCOUNT,
            type="paper",
            strategy_name="blend",
            cash_reserve_percent=Decimal(cash_reserve_percent),
        ),
    )
