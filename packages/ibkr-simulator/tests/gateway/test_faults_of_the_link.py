"""The link to the broker is lost and restored, farms flap, the gateway restarts."""

import asyncio
from typing import Any

import pytest
from ib_async import IB, LimitOrder, MarketOrder, Stock

from ibkr_simulator import SimulatedGateway
from simulated_exchange import FillPolicy


def codes(ib: IB) -> list[int]:
    """The codes that this client is told from now on, without request."""
    heard: list[int] = []

    def note(request_id: int, code: int, text: str, contract: object) -> None:
        heard.append(code)

    ib.errorEvent += note
    return heard


async def test_a_farm_flaps_for_every_client(world: Any) -> None:
    gateway = await world.gateway()
    clients = [await world.client(n) for n in (1, 2)]
    heard = [codes(ib) for ib in clients]
    gateway.faults.add({"action": "announce", "code": 2103, "then": 2104, "seconds": 5})
    await world.settle(*clients)
    assert heard == [[2103], [2103]]
    world.clock.advance(5)
    await world.settle(*clients)
    assert heard == [[2103, 2104], [2103, 2104]]


async def test_fills_of_an_outage_are_told_after_1102(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    world.exchange.fill_policy = FillPolicy.never()
    ib = await world.client()
    heard = codes(ib)
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    gateway.faults.add({"action": "outage", "seconds": 30})
    late = ib.placeOrder(spy, LimitOrder("BUY", 1, 590))
    world.exchange.fill_policy = FillPolicy.immediate()
    await world.settle(ib)
    assert (heard, trade.filled(), late.orderStatus.status) == ([1100], 0, "PendingSubmit")
    assert len(world.exchange.executions()) == 1
    assert ib.isConnected()
    world.clock.advance(30)
    await world.settle(ib)
    assert (heard, trade.filled()) == ([1100, 1102], 3)
    assert late.orderStatus.status == "Submitted"


async def test_what_happened_in_an_outage_is_lost_with_1101(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    world.exchange.fill_policy = FillPolicy.never()
    ib = await world.client()
    heard = codes(ib)
    ib.reqMktData(spy)
    trade = ib.placeOrder(spy, MarketOrder("BUY", 3))
    await world.settle(ib)
    gateway.faults.add({"action": "outage", "seconds": 30, "restored": 1101})
    lost = ib.placeOrder(spy, LimitOrder("BUY", 1, 590))
    world.exchange.fill_policy = FillPolicy.immediate()
    await world.settle(ib)
    world.clock.advance(30)
    await world.settle(ib)
    assert (heard, trade.filled(), lost.orderStatus.status) == ([1100, 1101], 0, "PendingSubmit")
    assert world.exchange.open_orders() == []
    (session,) = gateway.sessions.values()
    assert len(session.subscriptions.market_data) == 0
    # Who asks again learns the truth.
    assert [fill.execution.shares for fill in await ib.reqExecutionsAsync()] == [3]


async def test_who_logs_in_during_an_outage_hears_of_it(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "outage", "seconds": 30})
    wire = await world.wire(1)
    assert (await wire.receive()).fields["code"] == 1100
    wire.send("reqPositions")
    wire.send("reqCurrentTime")
    assert (await wire.receive()).name == "currentTime"
    world.clock.advance(30)
    assert (await wire.receive()).fields["code"] == 1102
    assert (await wire.receive()).name == "position"


async def listening(gateway: SimulatedGateway) -> None:
    """Wait until the gateway accepts connections again."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        except ConnectionRefusedError:
            await asyncio.sleep(0)
        else:
            writer.close()
            return


async def test_a_restart_closes_all_refuses_for_a_while_and_comes_back_on_its_port(
    world: Any, spy: Stock
) -> None:
    gateway = await world.gateway()
    port = gateway.port
    ib = await world.client()
    ib.placeOrder(spy, LimitOrder("BUY", 3, 590))
    await world.settle(ib)
    gone = asyncio.Event()
    ib.disconnectedEvent += gone.set
    gateway.faults.add({"action": "restart", "seconds": 60, "outage": 30})
    await asyncio.wait_for(gone.wait(), 5)
    assert gateway.port == port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    world.clock.advance(60)
    await listening(gateway)
    wire = await world.wire(1)
    assert (await wire.receive()).fields["code"] == 1100
    wire.send("reqOpenOrders")
    world.clock.advance(30)
    assert (await wire.receive()).fields["code"] == 1102
    assert [message.name for message in await wire.receive_until("openOrderEnd")] == [
        "openOrder",
        "orderStatus",
        "openOrderEnd",
    ]


async def test_a_gateway_can_be_stopped_while_it_is_shut(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "restart", "seconds": 60})
    gateway.faults.add({"action": "restart", "seconds": 60})
    await gateway.stop()
    world.clock.advance(60)
    with pytest.raises(RuntimeError, match="does not listen"):
        _ = gateway.port


async def test_a_gateway_can_be_stopped_while_it_opens_again(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "restart", "seconds": 60})
    world.clock.advance(60)
    await gateway.stop()


async def test_a_restart_can_be_set_off_by_a_message(world: Any, spy: Stock) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "restart", "seconds": 1, "message": "execDetails"})
    wire = await world.wire(1)
    order = {"exchange": "SMART", "action": "BUY", "totalQuantity": 3, "orderType": "MKT"}
    wire.send("placeOrder", orderId=1, conId=spy.conId, **order)
    assert await wire.at_end()
    assert len(world.exchange.executions()) == 1
