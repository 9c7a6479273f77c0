"""Previews of many accounts at once, against previews of each alone and against the rules."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from broker_connector_base import (
    AccountConfig,
    AccountPosition,
    BrokerConnectionError,
    ContractPrice,
    MarketDataError,
)
from broker_connector_base.testing import FakeBroker, Fault
from rebalance_calculator import Replacement, ReplacementSet
from rebalance_workflow import AllocationService, AllocationSourceError, SourceFault
from rebalance_workflow.replacement_service import ReplacementService
from rebalance_workflow.strategy_preview import preview_strategy
from rebalance_workflow.strategy_reading import read_strategy
from rebalance_workflow.strategy_results import AccountFigures, AccountRow, totals_of
from rebalance_workflow.testing import World, make_world

CENT = Decimal("0.01")
QUOTES: dict[str, tuple[str, str]] = {
    "AAA": ("99.90", "100.10"),
    "BBB": ("49.95", "50.05"),
    "CCC": ("211.07", "211.13"),
    "DDD": ("17.31", "17.33"),
    "EEE": ("612.40", "612.60"),
    "OLD": ("19.90", "20.10"),
    "NEW": ("33.33", "33.37"),
}
WEIGHTS = {"AAA": "0.3", "BBB": "0.25", "CCC": "0.2", "DDD": "0.15", "EEE": "0.1"}
SETS = {"other": ReplacementSet(replacements=(Replacement(source="BBB", target="NEW"),))}


class Fleet:
    """A world with many accounts of one strategy."""

    def __init__(self, **arguments: Any) -> None:
        world: dict[str, Any] = {"cash": 0, "quotes": QUOTES, "weights": WEIGHTS}
        self.world: World = make_world(**(world | arguments))
        self.world.replacement_sets = SETS
        self.accounts: list[AccountConfig] = []

    def add(self, account_id: str, *, cash: Any, shares: dict[str, Any], **fields: Any) -> None:
        self.world.books.add_account(account_id, cash=cash, shares=shares)
        self.configure(account_id, **fields)

    def configure(self, account_id: str, **fields: Any) -> None:
        config = {"account_id": account_id, "type": "paper", "strategy_name": "blend"}
        self.accounts.append(AccountConfig.model_validate(config | fields))

    async def rows(
        self, *, exact: bool = False, broker: FakeBroker | None = None
    ) -> list[AccountRow]:
        broker = broker or self.world.broker
        await broker.connect()
        service = AllocationService(self.world.source, ReplacementService(SETS))
        reading = await read_strategy(
            broker, self.accounts, allocations=service, policy=self.world.policy
        )
        now = self.world.clock.now()
        return preview_strategy(self.accounts, reading, now=now, exact=exact)

    async def alone(self, account: AccountConfig) -> Any:
        await self.world.broker.connect()
        return await self.world.rebalancer().calculate_rebalance(account)


def some_fleet(seed: int, size: int) -> Fleet:
    """Accounts of all sizes: some new, some on target, some with what has no target."""
    chance = random.Random(seed)
    fleet = Fleet()
    for number in range(size):
        value = chance.choice([3_000, 20_000, 90_000, 400_000])
        shares = {
            symbol: int(value * chance.random() / 4 / float(QUOTES[symbol][1]))
            for symbol in chance.sample(sorted(QUOTES), chance.randint(0, 6))
        }
        fleet.add(
            f"DU{number}",
            cash=Decimal(chance.randint(20_000, value * 100)) / 100,
            shares={symbol: held for symbol, held in shares.items() if held},
            cash_reserve_percent=chance.choice([0, 1, Decimal("2.5"), 10]),
            replacement_set=chance.choice([None, None, "other"]),
        )
        account = fleet.world.books.accounts[f"DU{number}"]
        account.cash_account = chance.random() < 0.4
        account.unsettled = account.cash_account * account.cash * chance.choice([0, 0, 1]) / 2
    return fleet


def figures(row: AccountRow) -> AccountFigures:
    assert row.error is None, row.error
    assert row.figures is not None
    return row.figures


def trades(report: Any) -> dict[str, Decimal]:
    return {trade.symbol: trade.quantity for trade in report.proposed_trades}


def distance_bp(found: AccountFigures) -> Decimal:
    """What is off the targets afterwards and what it cost to get there."""
    return (2 * found.drift_after + found.estimated_cost / found.total_value) * 10_000


@pytest.mark.parametrize("seed", [1, 2])
async def test_exact_rows_are_the_previews_of_each_account(seed: int) -> None:
    fleet = some_fleet(seed, 12)
    fleet_rows = await fleet.rows(exact=True)
    for account, row in zip(fleet.accounts, fleet_rows, strict=True):
        alone = await fleet.alone(account)
        found = figures(row)
        assert row.account_id == account.account_id
        assert found.proposed_trades == alone.proposed_trades
        assert found.cash_after == alone.cash_after
        assert found.rounds == alone.rounds
        assert found.bound_bp == alone.plan.bound_bp
        assert found.warnings == alone.warnings
    assert any("settles on" in text for row in fleet_rows for text in figures(row).warnings)


async def test_without_it_rows_are_close_and_keep_every_rule() -> None:
    fleet = some_fleet(3, 80)
    gaps = []
    exact = await fleet.rows(exact=True)
    for account, row, best in zip(fleet.accounts, await fleet.rows(), exact, strict=True):
        found = figures(row)
        books = fleet.world.books.accounts[account.account_id]
        # Where a cash account stands while it waits for its money is nobody's objective.
        if not books.cash_account:
            gaps.append(distance_bp(found) - distance_bp(figures(best)))
        held = books.shares
        for symbol, quantity in trades(found).items():
            assert quantity == int(quantity)
            assert held.get(symbol, Decimal(0)) + quantity >= 0
        wanted = set(WEIGHTS) - ({"BBB"} if account.replacement_set else set())
        wanted |= {"NEW"} if account.replacement_set else set()
        for symbol in held.keys() - wanted:
            assert trades(found)[symbol] == -held[symbol]
        spent = sum(t.quantity * t.estimated_price for t in found.proposed_trades if t.quantity > 0)
        if books.cash_account:
            assert spent <= max(Decimal(0), books.cash - books.unsettled)
        if any(quantity > 0 for quantity in trades(found).values()):
            # Every round keeps the percentage of what the account is worth by then.
            worth = found.total_value - found.estimated_cost
            reserve = max(Decimal(100), worth * account.cash_reserve_percent / 100)
            assert found.cash_after >= reserve - CENT
    gaps.sort()
    assert gaps[int(len(gaps) * 0.95)] <= 20


async def test_cash_drift_and_totals_add_up() -> None:
    fleet = Fleet(weights={"AAA": "0.5", "BBB": "0.5"})
    fleet.add("DU1", cash=10_000, shares={}, cash_reserve_percent=1)
    fleet.add("DU2", cash=100, shares={"OLD": 50}, cash_reserve_percent=1)
    rows = await fleet.rows(exact=True)
    first, second = map(figures, rows)
    assert first.total_value == first.cash_before == 10_000
    # All cash, 1 % of it in its place.
    assert first.drift_before == Decimal("0.99")
    assert first.turnover == sum(t.quantity * t.estimated_price for t in first.proposed_trades)
    spent = first.turnover + 2 * first.rounds
    assert first.cash_after == 10_000 - spent
    assert trades(second)["OLD"] == -50
    totals = {total.symbol: total for total in totals_of(rows)}
    assert totals["OLD"].sold == 50
    assert totals["OLD"].sold_value == Decimal("995.00")
    assert totals["OLD"].bought == 0
    assert totals["OLD"].accounts == 1
    assert totals["AAA"].bought == trades(first)["AAA"] + trades(second)["AAA"]
    assert totals["AAA"].bought_value == totals["AAA"].bought * Decimal("100.10")
    assert totals["AAA"].accounts == 2


class Counting(FakeBroker):
    """Notes what it is asked about the market, and refuses some symbols."""

    refused: frozenset[str] = frozenset()

    def note(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        self.asked.append(tuple(symbols))
        if found := self.refused & set(symbols):
            raise MarketDataError(f"no permission for {', '.join(sorted(found))}", code="354")
        return await super().get_multiple_market_prices(symbols, use_cache)


async def test_the_market_is_read_once_for_all_symbols_of_all_accounts() -> None:
    fleet = Fleet()
    fleet.add("DU1", cash=5_000, shares={"OLD": 5})
    fleet.add("DU2", cash=5_000, shares={}, replacement_set="other")
    broker = Counting(fleet.world.books, 2)
    broker.note()
    await fleet.rows(broker=broker)
    assert broker.asked == [("AAA", "BBB", "CCC", "DDD", "EEE", "NEW", "OLD")]


async def test_a_symbol_without_a_quote_concerns_its_holders_only() -> None:
    fleet = Fleet()
    fleet.add("DU1", cash=5_000, shares={"OLD": 5})
    fleet.add("DU2", cash=5_000, shares={})
    broker = Counting(fleet.world.books, 2)
    broker.note()
    broker.refused = frozenset({"OLD"})
    holder, other = await fleet.rows(broker=broker)
    assert holder.error is not None
    assert (holder.error.kind, holder.error.message) == (
        "MarketDataError",
        "no permission for OLD",
    )
    assert holder.figures is None
    assert trades(figures(other))


async def test_trouble_with_one_account_is_its_own_row() -> None:
    fleet = Fleet()
    fleet.add("DU1", cash=5_000, shares={})
    fleet.configure("DU404")
    fleet.add("DU2", cash=50, shares={})
    fleet.add("DU3", cash=5_000, shares={"AAA": 10})
    fleet.world.books.accounts["DU3"].reported_total = Decimal(9_000)
    fleet.add("DU4", cash=5_000, shares={}, replacement_set="gone")
    fleet.add("DU5", cash=5_000, shares={})
    fleet.world.books.accounts["DU5"].other_positions = (
        AccountPosition(symbol="AAA", quantity=1, market_price=100, instrument_id="I-else"),
    )
    rows = await fleet.rows()
    assert [row.account_id for row in rows] == ["DU1", "DU404", "DU2", "DU3", "DU4", "DU5"]
    assert [row.error.kind if row.error else None for row in rows] == [
        None,
        "AccountNotFound",
        None,
        "SnapshotError",
        "ReplacementError",
        "RebalanceStopped",
    ]


async def test_a_lost_session_is_the_reason_of_those_not_read() -> None:
    fleet = Fleet()
    for number in range(3):
        fleet.add(f"DU{number}", cash=5_000, shares={})
    lost = BrokerConnectionError("the line is dead")
    fleet.world.books.faults.append(Fault(method="get_instruments", error=lost))
    rows = await fleet.rows()
    assert {row.error.kind for row in rows if row.error} == {"BrokerConnectionError"}
    assert all(row.error for row in rows)


async def test_without_targets_there_is_no_preview() -> None:
    fleet = Fleet()
    fleet.add("DU1", cash=5_000, shares={})
    fleet.world.source.error = AllocationSourceError(SourceFault.NOT_FOUND, "who?")
    with pytest.raises(AllocationSourceError):
        await fleet.rows()
    assert await read_nothing(fleet) == []


async def read_nothing(fleet: Fleet) -> list[AccountRow]:
    fleet.accounts = []
    return await fleet.rows()


async def test_what_a_run_would_do_about_orders_and_halts_is_told() -> None:
    fleet = Fleet()
    fleet.add("DU1", cash=5_000, shares={})
    fleet.add("DU2", cash=5_000, shares={})
    fleet.world.books.place_foreign_order("DU1", "AAA", 3, limit_price=1)
    fleet.world.books.set_quote("BBB", bid="49.95", ask="50.05", halted=True)
    first, second = map(figures, await fleet.rows())
    halted = "BBB is halted: a run would refuse to trade"
    assert second.warnings == (halted,)
    assert first.warnings == (
        halted,
        "a run would refuse to start beside 1 open order (buy 3 AAA)",
    )
