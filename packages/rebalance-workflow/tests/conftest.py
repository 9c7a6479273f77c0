"""A scripted broker with one account, and everything a rebalance of it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from broker_connector_base import AccountConfig, AllocationItem
from broker_connector_base.testing import Books, FakeBroker, LoopClock, VirtualTimeLoop

from rebalance_workflow import (
    MemoryJournal,
    PreviewResult,
    ProgressEvent,
    RebalancePolicy,
    Rebalancer,
    RunResult,
    TargetAllocation,
)

ACCOUNT = "DU1"


def pytest_asyncio_loop_factories(config: object, item: object) -> dict[str, Any]:
    """Time passes only when nothing else can happen."""
    return {"virtual-time": VirtualTimeLoop}


@dataclass
class FixedSource:
    """Publishes the weights that a test sets, or raises what it sets."""

    weights: Mapping[str, str | float | Decimal]
    error: Exception | None = None

    async def fetch(self, strategy_name: str) -> TargetAllocation:
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
    """One account at a scripted broker, its journal and its strategy."""

    books: Books
    broker: FakeBroker
    source: FixedSource
    journal: Any
    clock: LoopClock
    policy: RebalancePolicy = field(default_factory=RebalancePolicy)
    account: AccountConfig = field(
        default_factory=lambda: AccountConfig(
            account_id=ACCOUNT, type="paper", strategy_name="blend"
        )
    )
    events: list[ProgressEvent] = field(default_factory=list)
    runs: int = 0

    def rebalancer(self, broker: FakeBroker | None = None) -> Rebalancer:
        return Rebalancer(
            broker or self.broker,
            self.source,
            journal=self.journal,
            policy=self.policy,
            progress=self.events.append,
            clock=self.clock,
            run_id=lambda now: self._next_run_id(),
        )

    async def preview(self) -> PreviewResult:
        return await self.rebalancer().calculate_rebalance(self.account)

    async def run(self) -> RunResult:
        return await self.rebalancer().rebalance_account(self.account)

    def shares(self) -> dict[str, Decimal]:
        return dict(self.books.accounts[ACCOUNT].shares)

    def cash(self) -> Decimal:
        return self.books.accounts[ACCOUNT].cash

    def sent(self) -> list[tuple[str, Decimal]]:
        """Orders that reached the broker: (symbol, signed quantity), in order."""
        return [(order.symbol, order.quantity) for order in self.books.orders]

    def _next_run_id(self) -> str:
        self.runs += 1
        return f"run{self.runs}"


MakeWorld = Callable[..., World]


@pytest.fixture
async def make_world() -> MakeWorld:
    """Builds a world; quotes are (bid, ask), weights fractions."""

    async def nothing() -> None: ...

    def make(
        *,
        cash: str | int,
        shares: Mapping[str, str | int] | None = None,
        quotes: Mapping[str, tuple[str | int, str | int]],
        weights: Mapping[str, str],
        policy: RebalancePolicy | None = None,
    ) -> World:
        clock = LoopClock()
        books = Books(now=clock.now)
        books.add_account(ACCOUNT, cash=cash, shares=shares)
        for symbol, (bid, ask) in quotes.items():
            books.add_instrument(symbol, bid=bid, ask=ask)
        return World(
            books=books,
            broker=FakeBroker(books),
            source=FixedSource(weights),
            journal=MemoryJournal(),
            clock=clock,
            policy=policy or RebalancePolicy(),
        )

    return make
