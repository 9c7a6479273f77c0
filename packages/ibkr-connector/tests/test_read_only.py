"""A gateway whose API is read-only: it refuses lists of orders with 321 and no request id."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from broker_connector_base import BrokerAPIError, OrderExecutionError, OrderStatus
from ibkr_connector import IBKRClient
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, World

_PLACE, _ALL_OPEN, _COMPLETED, _ERROR = 3, 16, 99, 4
_WORDS = "Error validating request.-'cO' : the API interface is currently in Read-Only mode."


class ReadOnlyApi:
    """While it is ticked, the gateway refuses to list orders, as a real one does."""

    def __init__(self, world: World) -> None:
        self.ticked = True
        self._world = world
        for request in (_ALL_OPEN, _COMPLETED):
            world.tap.on_request(request, self._refuse, times=None)

    def _refuse(self, _: Fields) -> bool:
        if self.ticked:
            self._world.tap.say(_ERROR, 2, -1, 321, _WORDS, "")
        return self.ticked


@pytest.mark.parametrize(
    "question",
    [
        lambda client: client.get_open_orders(ACCOUNT),
        lambda client: client.find_order(ACCOUNT, "key"),
    ],
)
async def test_it_says_at_once_that_it_does_not_tell_of_orders(
    world: World, question: Callable[[IBKRClient], Awaitable[object]]
) -> None:
    ReadOnlyApi(world)
    async with asyncio.timeout(2):
        client = await world.client()
        with pytest.raises(BrokerAPIError, match="Untick Read-Only API") as refusal:
            await question(client)
    assert refusal.value.code == "321"
    assert client.is_connected()


async def test_it_shows_accounts_quotes_and_executions(world: World) -> None:
    trader = await world.client(8)
    await trader.place_order(ACCOUNT, "BBB", 1)
    ReadOnlyApi(world)
    client = await world.client()
    snapshot = await client.get_account_snapshot(ACCOUNT)
    assert [p.symbol for p in snapshot.positions] == ["AAA", "BRK.B", "BBB"]
    (price,) = await client.get_multiple_market_prices(["AAA"])
    assert price.bid == 100
    assert [fill.quantity for fill in await client.get_executions(ACCOUNT)] == [1]


async def test_it_is_sent_no_order(world: World) -> None:
    ReadOnlyApi(world)
    client = await world.client()
    with pytest.raises(OrderExecutionError, match=r"Untick Read-Only API.*Nothing was sent") as no:
        await client.place_order(ACCOUNT, "AAA", 1)
    assert no.value.code == "321"
    assert await client.probe_orders_allowed(ACCOUNT, "AAA") is False
    assert _PLACE not in world.tap.numbers()


async def test_orders_are_sent_again_when_it_lists_them_again(world: World) -> None:
    api = ReadOnlyApi(world)
    client = await world.client()
    api.ticked = False
    assert await client.get_open_orders(ACCOUNT) == []
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    assert order.status is OrderStatus.WORKING


async def test_any_other_refusal_to_list_orders_is_no_session(world: World) -> None:
    client = world.stranger(request_timeout_seconds=0.5)
    world.tap.on_request(
        _ALL_OPEN, lambda _: world.tap.say(_ERROR, 2, -1, 322, "busy", ""), swallow=True
    )
    with pytest.raises(Exception, match="did not answer"):
        await client.connect()
    assert not client.is_connected()
