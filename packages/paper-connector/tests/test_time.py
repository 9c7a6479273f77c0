"""What happens when time passes, however it passes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from broker_connector_base import Fill, OrderStatus
from paper_connector import MovingQuotes, QuoteTape
from paper_connector.testing import World


async def test_an_order_fills_when_its_latency_has_passed(world: World) -> None:
    client = await world.login()
    began = asyncio.get_running_loop().time()
    placed = await client.place_order("P1", "AAA", 5)
    assert round(asyncio.get_running_loop().time() - began, 6) == 0.05
    assert (placed.status, placed.average_price) == (OrderStatus.FILLED, Decimal("100.01"))


async def test_nothing_wakes_up_while_there_is_nothing_to_do(world: World) -> None:
    client = await world.login()
    await client.place_order("P1", "AAA", 5, "LIMIT", Decimal(90), time_in_force="GTC")
    due = client._broker._next_due()
    # The order waits for the end of the day, in New York's zone, and for nothing else.
    assert due is not None
    assert due.isoformat() == "2026-01-06T05:00:00+00:00"


async def test_a_clock_that_is_set_back_does_not_stop_the_market(world: World) -> None:
    client = await world.login()
    await client.place_order("P1", "AAA", 5)
    world.late = -timedelta(hours=2)
    async with asyncio.timeout(1):
        placed = await client.place_order("P1", "AAA", 5)
        await client.disconnect()
        heir = await world.login()
        again = await heir.place_order("P1", "AAA", 5)
    assert placed.status is again.status is OrderStatus.FILLED
    times = [fill.at for fill in await heir.get_executions("P1")]
    assert times == sorted(times)


async def test_a_clock_that_jumps_ahead_ends_the_day(world: World) -> None:
    client = await world.login()
    placed = await client.place_order("P1", "AAA", 5, "LIMIT", Decimal(90))
    world.late = timedelta(days=1)
    assert await client.get_order_status(placed.order_id) is OrderStatus.EXPIRED


async def test_executions_are_those_of_the_trading_day(world: World) -> None:
    client = await world.login()
    await client.place_order("P1", "AAA", 5, client_order_id="today")
    assert len(await client.get_executions("P1")) == 1
    world.late = timedelta(days=1)
    assert await client.get_executions("P1") == []
    found = await client.find_order("P1", "today")
    assert found is not None
    assert found.status is OrderStatus.FILLED


async def test_a_resting_order_fills_when_the_tape_reaches_it(world: World, tmp_path: Path) -> None:
    tape = tmp_path / "tape.csv"
    tape.write_text("time,symbol,bid,ask\n10,AAA,98.99,99.01\n20,AAA,94.99,95.00\n")
    client = await world.login(quotes=QuoteTape(tape))
    async with client.order_events("P1") as events:
        await client.place_order("P1", "AAA", 5, "LIMIT", Decimal(96))
        (quote,) = await client.get_multiple_market_prices(["AAA"])
        assert quote.ask == Decimal("100.01")
        fill = await anext(event async for event in events if isinstance(event, Fill))
    # It rested at 96.00, and a better ask comes to it.
    assert fill.price == Decimal("96")
    assert (fill.at - world.now()) <= timedelta(0)
    assert asyncio.get_running_loop().time() == 20


async def test_rows_of_the_tape_that_nobody_saw_are_played_all_the_same(
    world: World, tmp_path: Path
) -> None:
    tape = tmp_path / "tape.csv"
    tape.write_text("time,symbol,bid,ask\n10,AAA,94.99,95.00\n20,AAA,99.99,100.01\n")
    client = await world.login(quotes=QuoteTape(tape))
    await client.place_order("P1", "AAA", 5, "LIMIT", Decimal(96), client_order_id="rest")
    await client.disconnect()
    await asyncio.sleep(100)
    heir = await world.login(quotes=QuoteTape(tape))
    (fill,) = await heir.get_executions("P1")
    assert (fill.price, fill.client_order_id) == (Decimal(96), "rest")
    assert (await heir.get_multiple_market_prices(["AAA"]))[0].ask == Decimal("100.01")


async def test_a_resting_order_fills_when_the_moving_market_reaches_it(world: World) -> None:
    client = await world.login(quotes=MovingQuotes(interval_seconds=60, swing=Decimal("0.2")))
    (quote,) = await client.get_multiple_market_prices(["AAA"])
    assert quote.ask is not None
    assert quote.bid is not None
    async with client.order_events("P1") as events, asyncio.timeout(86_400):
        limit = quote.bid - Decimal("0.5")
        await client.place_order("P1", "AAA", 5, "LIMIT", limit, time_in_force="GTC")
        fill = await anext(event async for event in events if isinstance(event, Fill))
    assert fill.price == limit
    assert fill.at.second == 0, "it filled at a step of the market"
