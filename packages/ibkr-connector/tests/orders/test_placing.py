"""Placing, on the server's word."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base import (
    BrokerConnectionError,
    Connectivity,
    ConnectivityChange,
    OrderStatus,
)
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, OTHER_ACCOUNT, World, open_world, small_exchange

from .conftest import placed

_ERROR, _NEXT_VALID_ID = 4, 9


async def test_a_market_order_fills_in_the_named_account(world: World) -> None:
    client = await world.client()
    result = await client.place_order(OTHER_ACCOUNT, "BRK.B", 2, client_order_id="rb:1")
    assert (result.status, result.quantity) == (OrderStatus.FILLED, Decimal(2))
    assert result.average_price == Decimal("450.10")
    assert result.permanent_id is not None
    (execution,) = world.exchange.executions()
    assert execution.request.account_id == OTHER_ACCOUNT
    assert execution.request.order_ref == "rb:1"


async def test_the_wire_says_account_time_in_force_and_contract(world: World) -> None:
    client = await world.client()
    await client.place_order(
        ACCOUNT, "AAA", 3, "LIMIT", Decimal("90.00"), client_order_id="rb:2", time_in_force="GTC"
    )
    (fields,) = placed(world)
    # Positions of the fields in placeOrder, message number at 0.
    named = {"conId": 2, "exchange": 9, "currency": 11, "action": 16, "qty": 17, "type": 18}
    assert [fields[at] for at in named.values()] == ["1", "SMART", "USD", "BUY", "3", "LMT"]
    more = {"limit": 19, "tif": 21, "account": 23, "ref": 26, "transmit": 27, "outsideRth": 33}
    assert [fields[at] for at in more.values()] == ["90.00", "GTC", ACCOUNT, "rb:2", "1", "0"]


@pytest.mark.parametrize(("quantity", "on_grid"), [(1, "90.01"), (-1, "120.02")])
async def test_a_limit_is_moved_to_the_grid_in_the_callers_favour(
    world: World, quantity: int, on_grid: str
) -> None:
    client = await world.client()
    asked = Decimal("90.019") if quantity > 0 else Decimal("120.011")
    await client.place_order(ACCOUNT, "AAA", quantity, "LIMIT", asked)
    (order,) = await client.get_open_orders(ACCOUNT)
    assert order.limit_price == Decimal(on_grid)


async def test_orders_keep_their_order_when_one_has_to_ask_first(world: World) -> None:
    client = await world.client()
    await client.get_instruments(["BBB"])
    await asyncio.gather(
        client.place_order(ACCOUNT, "AAA", 1),
        client.place_order(ACCOUNT, "BBB", 2),
    )
    assert [fields[17] for fields in placed(world)] == ["1", "2"]


async def test_a_client_id_that_gets_ids_back_from_others_stays_above_them(world: World) -> None:
    busy = await world.client(8)
    for _ in range(30):
        await busy.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(80))
    client = await world.client(7)
    mine = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    theirs = {
        int(order.order_id.rpartition("/")[2]) for order in await busy.get_open_orders(ACCOUNT)
    }
    assert int(mine.order_id) >= max(theirs)


async def test_no_order_is_sent_while_the_gateway_has_lost_ib(world: World) -> None:
    client = await world.client()
    world.tap.say(_ERROR, 2, -1, 1100, "Connectivity between IBKR and TWS has been lost.", "")
    await client.server_time()
    with pytest.raises(BrokerConnectionError, match="1100"):
        await client.place_order(ACCOUNT, "AAA", 1)
    world.tap.say(_ERROR, 2, -1, 1102, "Connectivity restored - data maintained.", "")
    await client.server_time()
    assert (await client.place_order(ACCOUNT, "AAA", 1)).status is OrderStatus.FILLED
    assert len(placed(world)) == 1


async def test_an_outage_that_is_told_with_the_login_is_not_forgotten(world: World) -> None:
    def cut_off(fields: Fields) -> bool:
        world.tap.say(*fields)
        world.tap.say(_ERROR, 2, -1, 1100, "Connectivity between IBKR and TWS has been lost.", "")
        return True

    world.tap.on_reply(_NEXT_VALID_ID, cut_off)
    client = await world.client()
    with pytest.raises(BrokerConnectionError, match="1100"):
        await client.place_order(ACCOUNT, "AAA", 1)
    assert placed(world) == []
    async with client.order_events(ACCOUNT) as events:
        told = await anext(events)
    assert isinstance(told, ConnectivityChange)
    assert told.state is Connectivity.LOST
    await client.disconnect()
    await client.connect()  # this time the gateway says nothing of the kind
    assert (await client.place_order(ACCOUNT, "AAA", 1)).status is OrderStatus.FILLED
    async with client.order_events(ACCOUNT) as events:
        await client.place_order(ACCOUNT, "AAA", 1)
        assert not isinstance(await anext(events), ConnectivityChange)


async def test_an_encoding_that_fails_sends_nothing() -> None:
    async with open_world(small_exchange()) as world:
        client = await world.client()
        world.tap.drop()
        with pytest.raises(BrokerConnectionError):
            async with client.order_events(ACCOUNT) as events:
                await anext(events)
        with pytest.raises(BrokerConnectionError, match="Nothing was sent"):
            await client.place_order(ACCOUNT, "AAA", 1)
