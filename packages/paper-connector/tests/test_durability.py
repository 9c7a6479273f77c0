"""What is on the disk when a crash comes, and what happens when the disk is in the way."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from decimal import Decimal

import pytest

from broker_connector_base import (
    BrokerAPIError,
    BrokerConnectionError,
    OrderExecutionError,
    OrderStatus,
    OrderUpdate,
)
from paper_connector.broker import UNUSABLE
from paper_connector.testing import World
from simulated_exchange import StateFile


async def test_an_order_taken_before_a_crash_is_known_after_it_and_filled_when_it_was_due(
    world: World,
) -> None:
    client = await world.login()
    sending = asyncio.ensure_future(client.place_order("P1", "AAA", 5, client_order_id="one"))
    await asyncio.sleep(0.01)
    taken = world.now()
    world.crash(client)
    with pytest.raises(Exception, match="look it up"):
        await sending
    await asyncio.sleep(3600)

    heir = await world.login()
    found = await heir.find_order("P1", "one")
    assert found is not None
    assert (found.status, found.filled_quantity) == (OrderStatus.FILLED, Decimal(5))
    (fill,) = await heir.get_executions("P1")
    # Placed 10 ms before the crash; 50 ms of latency.
    assert fill.at == taken + timedelta(seconds=0.04)
    assert fill.price == Decimal("100.01")


async def test_a_key_is_never_sent_twice_not_even_by_the_next_process(world: World) -> None:
    client = await world.login()
    first = await client.place_order("P1", "AAA", 5, client_order_id="one")
    world.crash(client)
    heir = await world.login()
    again = await heir.place_order("P1", "AAA", 5, client_order_id="one")
    assert again.order_id == first.order_id
    assert [fill.quantity for fill in await heir.get_executions("P1")] == [5]


async def test_a_process_sees_what_another_one_did_and_tells_it(world: World) -> None:
    watcher, trader = await world.login(1), await world.login(2)
    async with watcher.order_events("P1") as events:
        await trader.place_order("P1", "AAA", 5, client_order_id="theirs")
        await watcher.get_accounts()
        told = [await anext(events) for _ in range(2)]
    assert {event.client_order_id for event in told if hasattr(event, "client_order_id")} == {
        "theirs"
    }
    snapshot = await watcher.get_account_snapshot("P1")
    assert [(p.symbol, p.quantity) for p in snapshot.positions] == [("AAA", Decimal(5))]


async def test_what_cannot_be_written_was_not_sent(world: World) -> None:
    client = await world.login()
    in_the_way = world.directory / f".state.json.{os.getpid()}"
    in_the_way.mkdir()
    async with client.order_events("P1") as events:
        with pytest.raises(BrokerConnectionError, match=r"nothing was sent"):
            await client.place_order("P1", "AAA", 5, client_order_id="one")
        with pytest.raises(BrokerConnectionError):
            await anext(events)
    assert not client.is_connected()
    in_the_way.rmdir()
    await client.connect()
    assert await client.find_order("P1", "one") is None
    placed = await client.place_order("P1", "AAA", 5, client_order_id="one")
    assert placed.status is OrderStatus.FILLED


async def test_a_fill_that_cannot_be_written_is_not_told(world: World) -> None:
    client = await world.login()
    async with client.order_events("P1") as events:
        sending = asyncio.ensure_future(client.place_order("P1", "AAA", 5, client_order_id="one"))
        await asyncio.sleep(0.01)
        in_the_way = world.directory / f".state.json.{os.getpid()}"
        in_the_way.mkdir()
        with pytest.raises(Exception, match="may be working"):
            await sending
        told = await anext(events)
        assert isinstance(told, OrderUpdate)
        assert told.status is OrderStatus.WORKING
        with pytest.raises(BrokerConnectionError):
            await anext(events)
    in_the_way.rmdir()
    await client.connect()
    found = await client.find_order("P1", "one")
    assert found is not None
    assert found.status is OrderStatus.FILLED


async def test_books_that_are_deleted_end_the_session(world: World) -> None:
    client = await world.login()
    (world.directory / "state.json").unlink()
    with pytest.raises(BrokerConnectionError, match=r"is gone.*nothing was sent"):
        await client.place_order("P1", "AAA", 5)
    assert not client.is_connected()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": 1}'])
async def test_damaged_books_are_refused_and_left_as_they_are(world: World, damage: str) -> None:
    client = await world.login()
    await client.disconnect()
    (world.directory / "state.json").write_text(damage)
    with pytest.raises(BrokerAPIError, match="Nothing was sent") as refused:
        await client.connect()
    assert refused.value.code == UNUSABLE
    assert not client.is_connected()
    assert (world.directory / "state.json").read_text() == damage


async def test_books_keep_the_terms_that_they_were_opened_under(world: World) -> None:
    await (await world.login(terms={"commission_rate": "0.001"})).disconnect()
    with pytest.raises(
        BrokerAPIError, match=r"commission_rate was 0\.001 and is 0\.002.*delete .*books"
    ):
        await world.login(terms={"commission_rate": "0.002"})
    await world.login(terms={"commission_rate": "0.001"})


async def test_a_refused_key_stays_refused_though_the_order_would_fit_by_now(world: World) -> None:
    client = await world.login()
    for _ in range(2):
        with pytest.raises(OrderExecutionError) as refused:
            await client.place_order("P1", "AAA", 101, client_order_id="too much")
        assert refused.value.code == "INSUFFICIENT_FUNDS"
        await client._broker.request(lambda e: e.transfer("P1", "USD", Decimal(10_000)))
    assert (await client.place_order("P1", "AAA", 101)).filled_quantity == 101


async def test_the_file_is_a_state_file_that_passes_the_audit(world: World) -> None:
    client = await world.login()
    await client.place_order("P1", "AAA", 5)
    await client.disconnect()
    state = StateFile(world.directory / "state.json").read()
    assert state is not None
    assert state["books"]["ledgers"]["P1"]["cash"] == {"USD": "9498.95"}
    heir = await world.login()
    assert await heir._broker.ask(lambda exchange: exchange.audit()) == []
