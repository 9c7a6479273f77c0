"""Invariant 9 under injected faults: keys, and the journal before the order."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from broker_connector_base import OrderStatus
from rebalance_workflow import RebalancePolicy
from rebalance_workflow.journal import MemoryJournal, OrderIntent, OrderOutcome, Record
from rebalance_workflow.order_ids import OrderKey, parse_order_key
from rebalance_workflow.testing import ACCOUNT, World, make_world

from .conftest import CLEAN, SWITCH


class TestInvariant9:
    """Each order carries a key and is in the journal before it is sent."""

    async def test_the_clean_run_trades_what_these_tests_expect(self) -> None:
        world = make_world(**SWITCH)
        await world.run()
        assert world.traded() == CLEAN

    async def test_the_key_is_a_pure_function_of_run_account_symbol_side_and_attempt(self) -> None:
        world = make_world(**SWITCH)
        await world.run()
        assert [order.client_order_id for order in world.books.orders] == [
            "rb:run1:DU1:AAA:S:1",
            "rb:run1:DU1:OLD:S:1",
            "rb:run1:DU1:BBB:B:1",
        ]

    async def test_every_order_was_in_the_journal_before_the_broker_had_it(self) -> None:
        world = make_world(**SWITCH)
        seen: list[set[str]] = []

        class Watching(MemoryJournal):
            def append(self, *records: Record) -> None:
                super().append(*records)
                seen.append({order.client_order_id or "" for order in world.books.orders})

        world.journal = Watching()
        await world.run()
        history = world.journal.history(ACCOUNT)
        keys = {r.client_order_id for r in history if isinstance(r, OrderIntent)}
        assert keys == {order.client_order_id for order in world.books.orders}
        # At each append the broker had none of the orders that this append announced.
        assert seen[0] == seen[1] == set()

    async def test_each_round_has_keys_of_its_own(self) -> None:
        world = make_world(
            cash=10_000,
            quotes={"AAA": ("99.98", "100")},
            weights={"AAA": "1"},
            policy=RebalancePolicy(buy_slippage_percent=Decimal(5)),
        )
        await world.run()
        keys = [parse_order_key(order.client_order_id) for order in world.books.orders]
        assert [key.attempt for key in keys if key is not None] == [1, 2]


def outcomes(world: World) -> Iterator[OrderOutcome]:
    return (r for r in world.journal.history(ACCOUNT) if isinstance(r, OrderOutcome))


async def test_the_journal_holds_the_outcome_of_every_order() -> None:
    world = make_world(**SWITCH)
    await world.run()
    assert {
        (outcome.client_order_id, outcome.status, outcome.filled_quantity)
        for outcome in outcomes(world)
    } == {
        (str(key), OrderStatus.FILLED, abs(CLEAN[key.symbol]))
        for key in (
            OrderKey(run_id="run1", account_id=ACCOUNT, symbol="AAA", side="S", attempt=1),
            OrderKey(run_id="run1", account_id=ACCOUNT, symbol="OLD", side="S", attempt=1),
            OrderKey(run_id="run1", account_id=ACCOUNT, symbol="BBB", side="B", attempt=1),
        )
    }
