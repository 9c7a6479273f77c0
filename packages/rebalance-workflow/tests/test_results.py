"""Reports and progress as their readers get them: complete, and the same after a trip as JSON."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base import OrderStatus, RunStatus
from broker_connector_base.testing import Behaviour
from rebalance_workflow import PreviewResult, ProgressEvent, Rebalancer, RunResult, Stage
from rebalance_workflow.testing import World, make_world


@pytest.fixture
async def world() -> World:
    """Worth 2,000 + 40 x 100.00 + 50 x 20.00 = 7,000, of which 6,900 may be invested."""
    return make_world(
        cash=2_000,
        shares={"AAA": 40, "OLD": 50},
        quotes={"AAA": ("99.90", "100.10"), "BBB": ("49.95", "50.05"), "OLD": ("19.90", "20.10")},
        weights={"AAA": "0.5", "BBB": "0.5"},
    )


async def test_a_preview_tells_everything_that_a_reader_needs(world: World) -> None:
    preview = await world.preview()
    assert (preview.account_id, preview.account_type, preview.currency) == ("DU1", "paper", "USD")
    assert (preview.target.as_of, preview.target.source) == ("2026-01-05", "test")
    assert preview.current_value == 7_000
    trades = {trade.symbol: trade for trade in preview.proposed_trades}
    # 3,450 each: 34.5 AAA of 100 and 69 BBB of 50.
    assert {s: t.quantity for s, t in trades.items()} == {"AAA": -6, "OLD": -50, "BBB": 69}
    assert [trade.symbol for trade in preview.proposed_trades] == ["AAA", "OLD", "BBB"]
    assert (trades["OLD"].estimated_price, trades["OLD"].order_type) == (Decimal("19.90"), "MARKET")
    assert (trades["BBB"].limit_price, trades["BBB"].order_type) == (Decimal("50.30"), "LIMIT")
    assert trades["BBB"].reason.startswith("0.0 % now, 49.3 % wanted")
    # Sold 6 x 99.90 + 50 x 19.90, bought 69 x 50.05, three orders at 1.00.
    assert preview.cash_after == 2_000 + Decimal("599.40") + 995 - Decimal("3453.45") - 3
    # Half the spread of each trade and three orders at 1.00.
    assert preview.estimated_cost == Decimal("0.60") + 5 + Decimal("3.45") + 3
    held = {line.symbol: line for line in preview.holdings}
    assert held["AAA"].quantity_before == 40
    assert held["AAA"].quantity_after == 34
    assert round(float(held["AAA"].weight_before or 0), 4) == round(4_000 / 7_000, 4)
    assert round(float(held["BBB"].weight_after or 0), 3) == round(3_450 / 6_988, 3)


async def test_a_run_tells_what_each_order_did(world: World) -> None:
    world.books.script("BBB", Behaviour(delay=10))
    await world.broker.connect()
    result = await world.run()
    orders = {order.symbol: order for order in result.orders}
    assert result.status is RunStatus.DONE
    assert (result.success, result.error) == (True, None)
    assert {order.status for order in result.orders} == {OrderStatus.FILLED}
    assert {s: o.filled_quantity for s, o in orders.items()} == {"AAA": 6, "OLD": 50, "BBB": 69}
    assert (orders["BBB"].average_price, orders["BBB"].quoted_price) == (
        Decimal("50.05"),
        Decimal("50.05"),
    )
    assert result.slippage == 0
    assert result.commission == 3
    assert result.total_value == world.holdings.cash + 34 * 100 + 69 * 50
    assert result.cash_balance == world.holdings.cash == result.cash_after
    assert (result.finished_at - result.started_at).total_seconds() >= 10
    assert result.reconciliation is not None
    assert result.reconciliation.verdict == "match"


async def test_slippage_is_positive_when_a_fill_is_worse_than_quoted(world: World) -> None:
    world.books.script("BBB", Behaviour(delay=10))
    await world.broker.connect()
    # Time passes only while the buy waits: the ask moves up by 0.10, still within the limit.
    world.books.script("AAA", Behaviour(delay=1))

    def move() -> None:
        world.books.set_quote("BBB", bid="50.05", ask="50.15")

    asyncio.get_running_loop().call_later(5, move)
    result = await world.run()
    bought = next(order for order in result.orders if order.symbol == "BBB")
    assert bought.slippage == bought.filled_quantity * Decimal("0.10")


async def test_results_survive_a_trip_as_json(world: World) -> None:
    preview = (await world.preview()).model_dump_json()
    assert PreviewResult.model_validate_json(preview).model_dump_json() == preview
    result = (await world.run()).model_dump_json()
    assert RunResult.model_validate_json(result).model_dump_json() == result


async def test_progress_tells_the_stages_and_every_order(world: World) -> None:
    await world.run()
    stages = list(dict.fromkeys(event.stage for event in world.events))
    assert stages == [
        Stage.READING,
        Stage.PLANNING,
        Stage.SELLING,
        Stage.SETTLING,
        Stage.BUYING,
        Stage.RECONCILING,
        Stage.FINISHED,
    ]
    last = {e.order.symbol: e.order.status for e in world.events if e.order is not None}
    assert last == dict.fromkeys(("AAA", "OLD", "BBB"), OrderStatus.FILLED)
    for event in world.events:
        assert ProgressEvent.model_validate_json(event.model_dump_json()) == event


async def test_a_restored_session_is_part_of_the_progress(world: World) -> None:
    world.books.script("BBB", Behaviour(delay=10))
    await world.broker.connect()

    asyncio.get_running_loop().call_later(5, world.books.drop)
    await world.run()
    assert any("reconnecting" in (event.message or "") for event in world.events)


async def test_a_watcher_that_fails_does_not_hurt_the_run(world: World) -> None:
    def fail(event: ProgressEvent) -> None:
        raise OSError("the terminal is gone")

    await world.broker.connect()
    rebalancer = Rebalancer(
        world.broker,
        world.source,
        journal=world.journal,
        policy=world.policy,
        progress=fail,
        clock=world.clock,
    )
    assert (await rebalancer.rebalance_account(world.account)).status is RunStatus.DONE
    assert len(world.sent()) == 3
