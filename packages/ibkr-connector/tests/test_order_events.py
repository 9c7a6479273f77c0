"""What listeners hear, whatever order the gateway tells it in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import structlog

from broker_connector_base import (
    BrokerAPIError,
    BrokerConnectionError,
    Connectivity,
    ConnectivityChange,
    Fill,
    OrderEvent,
    OrderStatus,
    OrderUpdate,
)
from ibkr_connector.executions import execution_identity
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import ACCOUNT, OTHER_ACCOUNT, World
from simulated_exchange import FillPolicy

_ORDER_STATUS, _ERROR, _OPEN_ORDER, _EXECUTION, _COMMISSION = 3, 4, 5, 11, 59
_EXEC_ID, _SHARES, _PRICE, _CUMULATIVE = 14, 19, 20, 24  # positions in execDetails


async def take(events: AsyncIterator[OrderEvent], count: int) -> list[Any]:
    async with asyncio.timeout(2):
        return [await anext(events) for _ in range(count)]


async def no_more(events: AsyncIterator[OrderEvent]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await anext(events)


async def test_a_fill_is_told_twice_without_and_with_its_commission(world: World) -> None:
    client = await world.client()
    async with client.order_events(ACCOUNT) as events:
        await client.place_order(ACCOUNT, "BBB", 3, client_order_id="key")
        working, fill, filled, charged = await take(events, 4)
        await no_more(events)
    assert (working.status, working.remaining_quantity) == (OrderStatus.WORKING, Decimal(3))
    assert isinstance(fill, Fill)
    assert (fill.quantity, fill.price, fill.symbol) == (Decimal(3), Decimal("50.05"), "BBB")
    assert (fill.client_order_id, fill.account_id, fill.commission) == ("key", ACCOUNT, None)
    assert (filled.status, filled.filled_quantity) == (OrderStatus.FILLED, Decimal(3))
    assert charged == fill.model_copy(
        update={"commission": Decimal(1), "commission_currency": "USD"}
    )


async def test_partial_fills_add_up(world: World) -> None:
    world.exchange.set_fill_policy("BBB", FillPolicy.partial(1, 3))
    client = await world.client()
    async with client.order_events(ACCOUNT) as events:
        await client.place_order(ACCOUNT, "BBB", 6, client_order_id="key")
        seen: list[Any] = []
        async with asyncio.timeout(2):
            async for event in events:
                seen.append(event)
                if isinstance(event, OrderUpdate) and event.status is OrderStatus.FILLED:
                    break
    shares = {e.execution_id: e.quantity for e in seen if isinstance(e, Fill)}
    assert sorted(shares.values()) == [1, 2, 3]
    assert [e.filled_quantity for e in seen if isinstance(e, OrderUpdate)][-1] == 6


async def test_a_correction_replaces_the_execution(world: World) -> None:
    client = await world.client()
    reports: list[Fields] = []
    world.tap.on_reply(_EXECUTION, reports.append)
    async with client.order_events(ACCOUNT) as events:
        await client.place_order(ACCOUNT, "BBB", 3)
        _, fill, _, charged = await take(events, 4)
        corrected = list(reports[0])
        stem, _, last = corrected[_EXEC_ID].rpartition(".")
        corrected[_EXEC_ID] = f"{stem}.{int(last) + 1:02}"
        corrected[_SHARES] = corrected[_CUMULATIVE] = "2"
        world.tap.say(*corrected)
        (replacement,) = await take(events, 1)
        world.tap.say(*reports[0])  # the overtaken report again
        await client.server_time()
        await no_more(events)
    assert replacement.execution_id == fill.execution_id == charged.execution_id
    assert (replacement.quantity, replacement.commission) == (Decimal(2), None)


async def test_a_correction_can_take_all_shares_back(world: World) -> None:
    client = await world.client()
    reports: list[Fields] = []
    world.tap.on_reply(_EXECUTION, reports.append)
    async with client.order_events(ACCOUNT) as events:
        await client.place_order(ACCOUNT, "BBB", 3, client_order_id="key")
        await take(events, 4)
        corrected = list(reports[0])
        stem, _, last = corrected[_EXEC_ID].rpartition(".")
        corrected[_EXEC_ID] = f"{stem}.{int(last) + 1:02}"
        corrected[_SHARES] = corrected[_CUMULATIVE] = "0"
        world.tap.say(*corrected)
        (replacement,) = await take(events, 1)
    assert replacement.quantity == 0
    found = await client.find_order(ACCOUNT, "key")
    assert found is not None
    assert found.average_price is None
    assert client.is_connected()


def without_a_price(world: World) -> None:
    """The next report of an execution has lost its price."""

    def lose(fields: Fields) -> bool:
        world.tap.say(*fields[:_PRICE], "0", *fields[_PRICE + 1 :])
        return True

    world.tap.on_reply(_EXECUTION, lose)


async def test_an_execution_that_makes_no_sense_ends_the_session_and_is_read_again(
    world: World,
) -> None:
    client = await world.client()
    without_a_price(world)
    async with client.order_events(ACCOUNT) as events:
        order = asyncio.create_task(client.place_order(ACCOUNT, "BBB", 3, client_order_id="key"))
        async with asyncio.timeout(2):
            with pytest.raises(BrokerConnectionError, match=r"has no price.*Connect again"):
                async for _ in events:
                    pass
    await asyncio.gather(order, return_exceptions=True)
    assert not client.is_connected()
    await client.connect()
    (fill,) = await client.get_executions(ACCOUNT)
    assert (fill.quantity, fill.price) == (Decimal(3), Decimal("50.05"))


async def test_a_list_of_executions_that_makes_no_sense_is_no_answer(world: World) -> None:
    client = await world.client()
    await (await world.client(8)).place_order(ACCOUNT, "BBB", 3)
    without_a_price(world)
    with pytest.raises(BrokerAPIError, match="has no price"):
        await client.get_executions(ACCOUNT)
    assert client.is_connected()
    assert len(await client.get_executions(ACCOUNT)) == 1


async def test_a_repeated_execution_is_told_once(world: World) -> None:
    client = await world.client()
    world.tap.on_reply(_EXECUTION, lambda fields: world.tap.say(*fields))
    world.tap.on_reply(_COMMISSION, lambda fields: world.tap.say(*fields))
    async with client.order_events(ACCOUNT) as events:
        await client.place_order(ACCOUNT, "BBB", 3)
        await take(events, 4)
        await client.get_executions(ACCOUNT)
        await no_more(events)


async def test_executions_alone_fill_an_order(world: World) -> None:
    client = await world.client()
    world.tap.swallow_replies(_ORDER_STATUS, times=None)
    world.tap.swallow_replies(_OPEN_ORDER, times=None)
    result = await client.place_order(ACCOUNT, "BBB", 3, client_order_id="instant")
    assert (result.status, result.average_price) == (OrderStatus.FILLED, Decimal("50.05"))


async def test_a_status_before_its_execution_loses_nothing(world: World) -> None:
    client = await world.client()
    held: list[Fields] = []
    world.tap.on_reply(_EXECUTION, held.append, swallow=True)
    async with client.order_events(ACCOUNT) as events:
        result = await client.place_order(ACCOUNT, "BBB", 3)
        assert result.status is OrderStatus.FILLED
        world.tap.say(*held[0])
        _, filled, fill = await take(events, 3)
    assert (filled.status, filled.filled_quantity) == (OrderStatus.FILLED, Decimal(3))
    assert fill.quantity == 3


async def test_a_commission_that_comes_first_is_kept(world: World) -> None:
    client = await world.client()
    held: list[Fields] = []
    world.tap.on_reply(_EXECUTION, held.append, swallow=True)
    await client.place_order(ACCOUNT, "BBB", 3)
    await client.server_time()
    async with client.order_events(ACCOUNT) as events:
        world.tap.say(*held[0])
        (fill,) = await take(events, 1)
    assert fill.commission == 1


def with_another(world: World, **changes: object) -> None:
    """From now on each report of an execution is followed by one like it, changed so."""
    at = {"order_id": 2, "sec_type": 5, "exec_id": 14, "price": 20, "perm_id": 21, "client_id": 22}
    at |= {"shares": 19, "order_ref": 26}

    def report(fields: Fields) -> None:
        other = list(fields)
        for name, value in changes.items():
            other[at[name]] = str(value)
        world.tap.say(*other)

    world.tap.on_reply(_EXECUTION, report, times=None)


_BY_HAND = {
    "order_id": 0,
    "exec_id": "0000e0d5.77aa0001.01.01",
    "perm_id": 1700000099,
    "client_id": 0,
    "order_ref": "",
}


@pytest.mark.parametrize(("kind", "price"), [("BAG", "-0.45"), ("OPT", "0"), ("BAG", "nan")])
async def test_what_a_person_trades_for_a_credit_hides_no_other_execution(
    world: World, kind: str, price: str
) -> None:
    client = await world.client()
    await client.place_order(ACCOUNT, "AAA", 1, client_order_id="key")
    with_another(world, sec_type=kind, price=price, **_BY_HAND)
    with structlog.testing.capture_logs() as logs:
        (fill,) = await client.get_executions(ACCOUNT)
        found = await client.find_order(ACCOUNT, "key")
    assert (fill.client_order_id, fill.symbol) == ("key", "AAA")
    assert found is not None
    assert found.status is OrderStatus.FILLED
    assert [log["event"] for log in logs].count("ibkr.execution.left_out") == 1
    assert client.is_connected()


async def test_an_option_that_a_person_sells_is_told(world: World) -> None:
    client = await world.client()
    await client.place_order(ACCOUNT, "AAA", 1)
    with_another(world, sec_type="OPT", price="4.50", **_BY_HAND)
    prices = {fill.price for fill in await client.get_executions(ACCOUNT)}
    assert prices == {Decimal("100.02"), Decimal("4.50")}


@pytest.mark.parametrize("what", ["price", "shares"])
@pytest.mark.parametrize("changes", [{"sec_type": "STK"}, {"sec_type": "BAG", "order_ref": "key"}])
async def test_an_execution_of_a_stock_or_of_ours_must_have_a_price_and_shares(
    world: World, changes: dict[str, str], what: str
) -> None:
    client = await world.client()
    await client.place_order(ACCOUNT, "AAA", 1, client_order_id="key")
    with_another(world, **{**_BY_HAND, what: "NaN", **changes})
    with pytest.raises(BrokerAPIError, match=f"has no {what}"):
        await client.get_executions(ACCOUNT)


async def test_listeners_hear_their_own_account_only(world: World) -> None:
    client = await world.client()
    async with client.order_events(ACCOUNT) as ours, client.order_events(OTHER_ACCOUNT) as theirs:
        await client.place_order(OTHER_ACCOUNT, "BBB", 1)
        await take(theirs, 4)
        await no_more(ours)


async def test_a_listener_that_left_hears_nothing_more(world: World) -> None:
    client = await world.client()
    async with client.order_events(ACCOUNT) as events:
        pass
    await client.place_order(ACCOUNT, "BBB", 1)
    await no_more(events)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (1100, Connectivity.LOST),
        (1101, Connectivity.RESTORED_DATA_LOST),
        (1102, Connectivity.RESTORED),
    ],
)
async def test_a_change_of_the_link_to_ib_is_told(
    world: World, code: int, state: Connectivity
) -> None:
    client = await world.client()
    async with client.order_events(ACCOUNT) as events:
        world.tap.say(_ERROR, 2, -1, code, "words", "")
        (change,) = await take(events, 1)
    assert change == ConnectivityChange(state=state, message="words")
    assert client.is_connected()


async def test_fills_during_an_outage_are_told_when_it_ends(world: World) -> None:
    client = await world.client()
    order = await client.place_order(ACCOUNT, "BBB", 3, "LIMIT", Decimal(40), client_order_id="k")
    for reply in (_ORDER_STATUS, _OPEN_ORDER, _EXECUTION, _COMMISSION):
        world.tap.swallow_replies(reply)
    async with client.order_events(ACCOUNT) as events:
        quiet = world.exchange.quote(2)
        world.exchange.set_quote(2, type(quiet)(ask=Decimal(39), ask_size=Decimal(100)))
        await client.server_time()
        assert await client.get_order_status(order.order_id) is OrderStatus.WORKING
        world.tap.say(_ERROR, 2, -1, 1102, "restored", "")
        seen = await take(events, 4)
    assert isinstance(seen[0], ConnectivityChange)
    assert next(e.quantity for e in seen if isinstance(e, Fill)) == 3
    assert await client.get_order_status(order.order_id) is OrderStatus.FILLED


async def test_a_lost_connection_raises_after_what_came_before_it(world: World) -> None:
    client = await world.client()
    async with client.order_events(ACCOUNT) as events:
        await client.place_order(ACCOUNT, "BBB", 1)
        await client.server_time()
        world.tap.drop()
        with pytest.raises(BrokerConnectionError, match="ended"):
            await client.server_time()
        await take(events, 4)
        for _ in range(2):
            with pytest.raises(BrokerConnectionError, match="ended"):
                await anext(events)


async def test_a_link_that_is_dead_at_one_end_is_noticed(world: World) -> None:
    client = await world.client(heartbeat_seconds=0.03, request_timeout_seconds=0.5)
    async with client.order_events(ACCOUNT) as events:
        world.tap.frozen = True
        async with asyncio.timeout(10):
            with pytest.raises(BrokerConnectionError, match="is dead"):
                await anext(events)
    assert not client.is_connected()


async def test_a_quiet_link_that_answers_stands(world: World) -> None:
    client = await world.client(heartbeat_seconds=0.02)
    beats = asyncio.Event()
    world.tap.on_request(49, lambda _: None)
    world.tap.on_request(49, lambda _: beats.set())
    async with asyncio.timeout(2):
        await beats.wait()
    assert client.is_connected()


@pytest.mark.parametrize(
    ("exec_id", "identity"),
    [
        ("0000e0d5.67fe667b.01.01", ("0000e0d5.67fe667b.01", 1)),
        ("0000e0d5.67fe667b.01.12", ("0000e0d5.67fe667b.01", 12)),
        ("0000e0d5.67fe667b", ("0000e0d5.67fe667b", 0)),
        ("a.b.c.d", ("a.b.c.d", 0)),
        ("plain", ("plain", 0)),
    ],
)
def test_an_execution_keeps_its_identity_under_corrections(
    exec_id: str, identity: tuple[str, int]
) -> None:
    assert execution_identity(exec_id) == identity
