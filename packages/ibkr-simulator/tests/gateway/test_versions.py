"""The same life of a client at every version that is tested, and at none that is not spoken."""

import asyncio
from typing import Any

import pytest
from ib_async import ExecutionFilter, LimitOrder, MarketOrder, Stock

VERSIONS = (157, 163, 164, 166, 169, 170, 176, 177, 178)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_trades_from_log_in_to_reconnect(
    world: Any, version: int, spy: Stock
) -> None:
    await world.gateway(server_max=version)
    ib = await world.client()
    assert ib.client.serverVersion() == version
    (details,) = await ib.reqContractDetailsAsync(spy)
    assert details.minTick == 0.01
    (ticker,) = await ib.reqTickersAsync(spy)
    assert (ticker.bid, ticker.ask) == (600.0, 600.02)
    assert len(await ib.reqMatchingSymbolsAsync("SPY") or []) == 1
    filled = ib.placeOrder(spy, MarketOrder("BUY", 2, account="DU1", orderRef="one"))
    resting = ib.placeOrder(spy, LimitOrder("SELL", 1, 700, account="DU1", tif="GTC"))
    await world.settle(ib)
    assert filled.orderStatus.status == "Filled"
    assert filled.fills[0].commissionReport.commission == 1.0
    assert resting.orderStatus.status == "Submitted"
    resting.order.lmtPrice = 701
    ib.placeOrder(spy, resting.order)
    state = await asyncio.wait_for(ib.whatIfOrderAsync(spy, MarketOrder("BUY", 10)), 5)
    assert float(state.maintMarginChange) > 0
    ib.cancelOrder(resting.order)
    await world.settle(ib)
    assert resting.orderStatus.status == "Cancelled"
    refused = ib.placeOrder(spy, LimitOrder("BUY", 1, 500.001))
    await world.settle(ib)
    assert refused.log[-1].errorCode == 110
    ib.disconnect()
    again = await world.client()
    assert {trade.orderStatus.status for trade in again.trades()} == {"Filled", "Cancelled"}
    assert len(await again.reqExecutionsAsync(ExecutionFilter())) == 1
    assert {item.contract.symbol: item.position for item in again.portfolio()}["SPY"] == 12.0


async def test_version_158_is_never_negotiated(world: Any) -> None:
    await world.gateway(server_max=158)
    wire = await world.wire()
    assert (await wire.hello())[0] == "157"


async def test_sessions_of_one_gateway_may_speak_different_versions(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client(1)
    old = await world.wire()
    await old.hello("v157")
    old.send("startApi", clientId=2)
    for _ in range(5):
        await old.receive()
    ib.placeOrder(spy, LimitOrder("BUY", 1, 500))
    await world.settle(ib)
    old.send("reqAllOpenOrders")
    order = await old.receive()
    assert (order.name, order.fields["lmtPrice"]) == ("openOrder", 500)
