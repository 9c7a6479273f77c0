"""What is refused, by us or by the server, and what only looks like it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from broker_connector_base import AccountNotFound, OrderExecutionError, OrderStatus
from ibkr_connector import ErrorCode, Kind
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, OTHER_ACCOUNT, World, open_world

from .conftest import error, placed, status

_PLACE = 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"quantity": 0}, "whole shares"),
        ({"quantity": Decimal("1.5")}, "whole shares"),
        ({"quantity": Decimal("NaN")}, "whole shares"),
        ({"quantity": Decimal("Infinity")}, "whole shares"),
        ({"order_type": "STOP"}, "order type STOP"),
        ({"order_type": "LIMIT"}, "positive limit"),
        ({"order_type": "LIMIT", "price": Decimal(0)}, "positive limit"),
        ({"order_type": "LIMIT", "price": Decimal("NaN")}, "positive limit"),
        ({"order_type": "LIMIT", "price": Decimal("0.004")}, "below one tick"),
        ({"price": Decimal(5)}, "has no limit"),
        ({"time_in_force": "GTC"}, "good for the day only"),
        ({"time_in_force": "FOREVER"}, "time in force FOREVER"),
    ],
)
async def test_what_the_api_cannot_do_is_refused_before_it_is_sent(
    world: World, arguments: dict[str, Any], why: str
) -> None:
    client = await world.client()
    with pytest.raises(OrderExecutionError, match=why) as refusal:
        await client.place_order(ACCOUNT, "AAA", **{"quantity": 1, **arguments})
    assert "Nothing was sent" in str(refusal.value)
    assert placed(world) == []


async def test_an_account_of_somebody_else_is_refused(world: World) -> None:
    client = await world.client()
    with pytest.raises(AccountNotFound, match="it has DU100, DU200"):
        await client.place_order("DU999", "AAA", 1)
    assert placed(world) == []


async def test_a_rejection_carries_code_and_reason(world: World) -> None:
    client = await world.client()
    with pytest.raises(OrderExecutionError, match="Available Funds") as refusal:
        await client.place_order(OTHER_ACCOUNT, "AAA", 1_000, client_order_id="rich")
    assert refusal.value.code == "201"
    assert await client.get_open_orders(OTHER_ACCOUNT) == []


async def test_a_read_only_gateway_refuses_at_once() -> None:
    async with open_world(read_only=True) as world:
        client = await world.client()
        with pytest.raises(OrderExecutionError, match="Read-Only") as refusal:
            await client.place_order(ACCOUNT, "AAA", 1)
        assert refusal.value.code == "321"


async def test_a_price_off_the_true_grid_is_a_refusal(world: World) -> None:
    client = await world.client()
    world.tap.on_request(_PLACE, lambda fields: error(world, fields[1], 110), swallow=True)
    with pytest.raises(OrderExecutionError) as refusal:
        await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90))
    assert refusal.value.code == "110"


@pytest.mark.parametrize("order_of_news", [("status", "error"), ("error", "status")])
async def test_a_refusal_is_understood_in_either_order(
    world: World, order_of_news: tuple[str, ...]
) -> None:
    def refuse(fields: Fields) -> bool:
        for news in order_of_news:
            if news == "status":
                status(world, fields[1], "Cancelled")
            else:
                error(world, fields[1], 201, "Order rejected - reason: margin")
        return True

    client = await world.client()
    world.tap.on_request(_PLACE, refuse)
    with pytest.raises(OrderExecutionError, match="margin") as refusal:
        await client.place_order(ACCOUNT, "AAA", 1)
    assert refusal.value.code == "201"


async def test_inactive_without_a_word_is_a_refusal_too(world: World) -> None:
    client = await world.client()
    world.tap.on_request(_PLACE, lambda fields: status(world, fields[1], "Inactive"), swallow=True)
    with pytest.raises(OrderExecutionError, match="IB gave no reason") as refusal:
        await client.place_order(ACCOUNT, "AAA", 1)
    assert refusal.value.code is None


async def test_a_code_can_be_declared_a_refusal_without_a_release(world: World) -> None:
    row = ErrorCode(kind=Kind.REJECTED, meaning="seen in the field", source="support ticket")
    client = await world.client(error_codes={77777: row})
    world.tap.on_request(_PLACE, lambda fields: error(world, fields[1], 77777), swallow=True)
    with pytest.raises(OrderExecutionError) as refusal:
        await client.place_order(ACCOUNT, "AAA", 1)
    assert refusal.value.code == "77777"


@pytest.mark.parametrize("code", [399, 10349, 2109, 2161])
async def test_a_warning_leaves_the_order_working(world: World, code: int) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="w")
    error(world, order.order_id, code)
    await client.server_time()
    assert await client.get_order_status(order.order_id) is OrderStatus.WORKING
    again = await client.place_order(ACCOUNT, "AAA", 1, "LIMIT", Decimal(90), client_order_id="w")
    assert again.message == f"{code}: words of the gateway"
