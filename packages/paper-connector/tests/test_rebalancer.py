"""The shared rebalance on paper: to the target, within the reserve, and on again after a crash."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from broker_connector_base import AccountConfig, OrderUpdate, RunStatus
from broker_connector_base.testing import LoopClock
from paper_connector import (
    PaperClient,
    PaperRebalancer,
    PaperSettings,
    StandingQuotes,
    paper_broker,
    paper_policy,
)
from rebalance_calculator import CommissionModel
from rebalance_workflow import FileJournal, RebalancePolicy
from rebalance_workflow.progress import ProgressEvent
from rebalance_workflow.testing.world import FixedSource
from simulated_exchange import Exchange

ACCOUNT = AccountConfig(
    account_id="MY-PAPER",
    type="paper",
    broker="paper",
    strategy_name="blend",
    cash_reserve_percent=Decimal(0),
)
SETTINGS = PaperSettings(commission_rate=Decimal("0.01"))
TARGETS = {"SPY": Decimal("0.6"), "AGG": Decimal("0.4")}


class Desk:
    """Everything around one account; each session is a process of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.clock = LoopClock()
        self.source = FixedSource(TARGETS)
        self.told: list[ProgressEvent] = []

    def session(self) -> tuple[PaperClient, PaperRebalancer]:
        directory, quotes = self._directory / "books", StandingQuotes()
        broker = paper_broker(directory, "MY-PAPER", SETTINGS, quotes=quotes, now=self.clock.now)
        client = PaperClient(7, broker)
        policy = RebalancePolicy(minimum_cash_reserve_usd=Decimal(0))
        return client, PaperRebalancer(
            client,
            self.source,
            journal=FileJournal(self._directory / "journal"),
            policy=paper_policy(policy, SETTINGS),
            progress=self.told.append,
            clock=self.clock,
        )

    async def books(self) -> Exchange:
        client, _ = self.session()
        await client.connect()
        try:
            return await client._broker.ask(lambda exchange: exchange)
        finally:
            await client.disconnect()


async def test_a_run_reaches_its_targets_though_paper_is_dear_and_no_cash_is_kept(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    client, rebalancer = desk.session()
    await client.connect()
    result = await rebalancer.rebalance_account(ACCOUNT)
    assert (result.status, result.error) == (RunStatus.DONE, None)
    again = await rebalancer.rebalance_account(ACCOUNT)
    await client.disconnect()
    assert again.status is RunStatus.NOTHING_TO_DO
    account = (await desk.books()).account("MY-PAPER")
    # With 1 % of commission and limits 0.5 % above the ask, a cash account can never be short.
    assert 0 <= account.cash["USD"] < 2_000
    assert {p.quantity > 0 for p in account.positions.values()} == {True}


@pytest.mark.parametrize("orders_before_the_crash", [0, 1, 2])
async def test_a_run_that_is_killed_is_taken_up_by_the_next_and_nothing_is_bought_twice(
    tmp_path: Path, orders_before_the_crash: int
) -> None:
    desk = Desk(tmp_path)
    client, rebalancer = desk.session()
    await client.connect()
    running = asyncio.ensure_future(rebalancer.rebalance_account(ACCOUNT))
    async with client.order_events("MY-PAPER") as events:
        for _ in range(orders_before_the_crash):
            assert isinstance(await anext(events), OrderUpdate)
    # As `kill -9` does it: the session has no time to say anything, and nobody goes on.
    running.cancel()
    client.lose("killed")
    await asyncio.wait({running})

    heir, successor = desk.session()
    await heir.connect()
    result = await successor.rebalance_account(ACCOUNT)
    await heir.disconnect()
    assert result.status in (RunStatus.DONE, RunStatus.NOTHING_TO_DO), result.error

    exchange = await desk.books()
    assert exchange.audit() == []
    keys = [order.request.order_ref for order in exchange.completed_orders()]
    assert len(keys) == len(set(keys))
    account = exchange.account("MY-PAPER")
    values = {
        exchange.instrument(con_id).symbol: position.market_value / account.net_liquidation
        for con_id, position in account.positions.items()
    }
    for symbol, weight in TARGETS.items():
        assert abs(values[symbol] - weight) < Decimal("0.02")


def test_a_plan_reckons_with_what_paper_charges() -> None:
    dear = paper_policy(RebalancePolicy(), SETTINGS)
    assert dear.commission.fee(Decimal(10), Decimal("617.86")) == Decimal("61.786")
    free = paper_policy(RebalancePolicy(), PaperSettings(commission_rate=Decimal(0)))
    assert free.commission == CommissionModel()
    assert dear.model_copy(update={"commission": free.commission}) == free
