"""Splits and renames, as ib_async hears of them. DU1 has 10 SPY that cost 550 each."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from ib_async import IB, LimitOrder, MarketOrder, Stock

from .conftest import SPY

SUCCESSOR = 777


def held(ib: IB) -> dict[int, tuple[str, float, float]]:
    """Symbol, shares and average cost by con_id, in which positions and portfolio agree."""
    shares = {p.contract.conId: p.position for p in ib.positions()}
    assert shares == {item.contract.conId: item.position for item in ib.portfolio()}
    return {p.contract.conId: (p.contract.symbol, p.position, p.avgCost) for p in ib.positions()}


async def test_a_split_changes_positions_and_quotes_without_an_execution_and_ends_orders(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client()
    order, ticker = ib.placeOrder(spy, LimitOrder("BUY", 3, 590)), ib.reqMktData(spy)
    await world.settle(ib)
    world.exchange.split(SPY, Decimal(2))
    await world.settle(ib)
    assert held(ib)[SPY] == ("SPY", 20, 275)
    assert (ticker.bid, ticker.close) == (300, 299.25)
    assert (order.orderStatus.status, world.exchange.open_orders()) == ("Cancelled", [])
    assert await ib.reqExecutionsAsync() == []


async def test_a_renamed_instrument_is_another_contract_and_the_old_one_is_gone(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client()
    listed = world.exchange.instrument(SPY)
    world.exchange.rename(SPY, replace(listed, con_id=SUCCESSOR, symbol="SPYX"))
    await world.settle(ib)
    assert held(ib)[SUCCESSOR] == ("SPYX", 10, 550)
    assert SPY not in held(ib)
    assert await ib.reqContractDetailsAsync(Stock("SPY", "SMART", "USD")) == []
    refused = ib.placeOrder(spy, MarketOrder("SELL", 10))
    (new,) = await ib.qualifyContractsAsync(Stock("SPYX", "SMART", "USD"))
    sold = ib.placeOrder(new, MarketOrder("SELL", 10))
    await world.settle(ib)
    assert refused.log[-1].errorCode == 200
    assert (sold.orderStatus.status, sold.orderStatus.avgFillPrice) == ("Filled", 600)
