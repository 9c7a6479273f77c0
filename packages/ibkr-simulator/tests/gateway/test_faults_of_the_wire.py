"""Connections that end in several ways, and frames that arrive in pieces, together or broken."""

import asyncio
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Stock

ORDER = {"exchange": "SMART", "action": "BUY", "totalQuantity": 3, "orderType": "MKT"}


async def test_a_reset_at_an_order_loses_the_order(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "drop", "message": "placeOrder"})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **ORDER)
    with pytest.raises(ConnectionResetError):
        await wire.receive()
    assert world.exchange.executions() == []
    # The client id is free again.
    await world.wire(1)


async def test_a_reset_behind_an_order_loses_what_the_client_would_hear_of_it(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "drop", "delivered": True, "message": "placeOrder"})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **ORDER)
    with pytest.raises(ConnectionResetError):
        await wire.receive()
    assert len(world.exchange.executions()) == 1


async def test_a_connection_can_close_in_good_order_at_a_reply(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "drop", "how": "fin", "message": "execDetails"})
    wire = await world.wire(1)
    wire.send("placeOrder", orderId=1, conId=spy.conId, **ORDER)
    assert [(await wire.receive()).name for _ in range(2)] == ["openOrder", "orderStatus"]
    with pytest.raises(EOFError):
        await wire.receive()
    assert len(world.exchange.executions()) == 1


async def test_ib_async_notices_a_drop_and_finds_the_fill_when_it_is_back(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "drop", "message": "execDetails"})
    ib = await world.client()
    gone = asyncio.Event()
    ib.disconnectedEvent += gone.set
    ib.placeOrder(spy, MarketOrder("BUY", 3))
    await asyncio.wait_for(gone.wait(), 5)
    again = await world.client()
    assert [fill.execution.shares for fill in again.fills()] == [3]


async def test_a_half_open_connection_stays_open_and_says_nothing(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "drop", "how": "half-open", "message": "placeOrder"})
    ib = await world.client()
    ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ib.reqCurrentTimeAsync(), 0.05)
    assert ib.isConnected()
    assert world.exchange.open_orders() == []
    ib.disconnect()
    await world.gone(1)
    assert (await world.client()).isConnected()


async def test_a_half_open_connection_can_end_after_a_while(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add(
        {"action": "drop", "how": "half-open", "seconds": 60, "message": "reqCurrentTime"}
    )
    wire, other = await world.wire(1), await world.wire(2)
    wire.send("reqCurrentTime")
    other.send("reqIds")
    await other.receive()
    world.clock.advance(60)
    assert await wire.at_end()


async def test_a_split_message_is_the_same_message(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "split", "direction": "reply", "times": 0})
    ib = await world.client()
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await asyncio.wait_for(trade.filledEvent, 5)
    await world.settle(ib)
    assert trade.fills[0].commissionReport.commission == 1.0


async def test_a_merged_message_arrives_with_the_next_one(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "merge", "message": "currentTime"})
    wire, other = await world.wire(1), await world.wire(2)
    wire.send("reqCurrentTime")
    other.send("reqIds")
    await other.receive()
    wire.send("reqIds")
    assert [(await wire.receive()).name for _ in range(2)] == ["currentTime", "nextValidId"]


async def test_a_damaged_message_is_skipped_and_the_connection_goes_on(
    world: Any, undecodable: list[str]
) -> None:
    gateway = await world.gateway()
    ib = await world.client()
    gateway.faults.add({"action": "corrupt", "how": "cut", "message": "currentTime"})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ib.reqCurrentTimeAsync(), 0.05)
    assert ib.isConnected()
    undecodable.clear()


async def test_garbage_is_the_same_for_the_same_seed(world: Any) -> None:
    gateway = await world.gateway()
    payloads = []
    for client_id in (1, 2):
        wire = await world.wire(client_id)
        gateway.faults.add({"action": "corrupt", "message": "nextValidId", "seed": 5})
        wire.send("reqIds")
        payloads.append(await wire.payload())
    assert payloads[0] == payloads[1] != b"9\x001\x001\x00"


async def test_a_broken_length_is_the_end_of_all_sense(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "corrupt", "how": "length", "message": "nextValidId", "nth": 2})
    wire = await world.wire(1)
    wire.send("reqIds")
    with pytest.raises(ValueError, match="16777216 bytes"):
        await wire.receive()
