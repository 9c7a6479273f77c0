"""The whole way: a rebalance over the wire, and its pace."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from broker_connector_base import AccountConfig, AllocationItem, RunStatus
from ibkr_connector import ContractCache, IBKRRebalancer
from ibkr_connector.testing.world import World, open_world, quote, small_exchange, stock
from rebalance_workflow import MemoryJournal, TargetAllocation
from simulated_exchange import Exchange, OrderChanged, OrderState, WallClock

_ACCOUNT = AccountConfig(account_id="DU300", type="paper", strategy_name="equal")
_PLACE_ORDER = 3
_LIMIT_PER_SECOND = 50  # of a real gateway, all messages together


class EqualWeights:
    """Every symbol alike."""

    def __init__(self, symbols: list[str]) -> None:
        self._symbols = symbols

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        weight = Decimal(1) / len(self._symbols)
        return TargetAllocation(
            strategy=strategy_name,
            source="the test",
            items=tuple(AllocationItem(symbol=s, allocation=weight) for s in self._symbols),
        )


def rotating_exchange(count: int) -> tuple[Exchange, list[str]]:
    """An account that holds the first half of `count` stocks and shall hold the second half."""
    symbols = [f"S{n:02}" for n in range(count)]
    exchange = small_exchange(*(stock(100 + n, symbol) for n, symbol in enumerate(symbols)))
    for n in range(count):
        exchange.set_quote(100 + n, quote("50", "50.01", last=Decimal(50), close=Decimal(49)))
    held = {100 + n: (Decimal(200), Decimal(40)) for n in range(count // 2)}
    # What a cash account sells is spent on another day.
    exchange.open_account("DU300", cash={"USD": Decimal(1_000)}, positions=held, margin=True)
    return exchange, symbols[count // 2 :]


async def rebalancer(world: World, symbols: list[str], cache: ContractCache) -> IBKRRebalancer:
    """It lives in the time of its exchange."""
    client = await world.client(contract_cache=cache)
    clock = world.exchange.clock
    return IBKRRebalancer(client, EqualWeights(symbols), journal=MemoryJournal(), clock=clock)


async def warm_cache(world: World, count: int) -> ContractCache:
    """Contracts as an earlier run has left them; the pace of that run is over."""
    cache = ContractCache()
    client = await world.client(99, contract_cache=cache)
    await client.get_instruments([f"S{n:02}" for n in range(count)])
    await client.disconnect()
    return cache


@pytest.mark.parametrize("count", [10, 20])
async def test_a_rebalance_does_what_its_preview_says_within_the_pace(count: int) -> None:
    exchange, targets = rotating_exchange(count)
    async with open_world(exchange) as world:
        ours = await rebalancer(world, targets, await warm_cache(world, count))
        preview = await ours.calculate_rebalance(_ACCOUNT)
        result = await ours.rebalance_account(_ACCOUNT)
        again = await ours.rebalance_account(_ACCOUNT)
        assert world.gateway.statistics.max_messages_per_second <= _LIMIT_PER_SECOND
    assert result.status is RunStatus.DONE
    assert [(t.symbol, t.quantity) for t in result.orders] == [
        (t.symbol, t.quantity) for t in preview.proposed_trades
    ]
    assert len(result.orders) == count
    assert again.status is RunStatus.NOTHING_TO_DO
    held = exchange.account("DU300").positions
    assert {con_id for con_id, position in held.items() if position.quantity} == set(
        range(100 + count // 2, 100 + count)
    )


async def test_targets_in_ibs_own_spelling_are_bought_once() -> None:
    exchange = small_exchange()
    exchange.open_account("DU300", cash={"USD": Decimal(5_000)})
    async with open_world(exchange) as world:
        ours = await rebalancer(world, ["AAA", "BRK B"], ContractCache())
        bought = await ours.rebalance_account(_ACCOUNT)
        again = await ours.rebalance_account(_ACCOUNT)
    assert bought.status is RunStatus.DONE, bought.error
    assert {order.symbol for order in bought.orders} == {"AAA", "BRK.B"}
    assert again.status is RunStatus.NOTHING_TO_DO


async def test_an_order_that_was_left_inactive_is_taken_back_before_anything_is_bought() -> None:
    exchange = small_exchange()
    exchange.open_account("DU300", cash={"USD": Decimal(5_000)})
    async with open_world(exchange) as world:
        ours = await rebalancer(world, ["AAA"], ContractCache())
        left = await ours.broker.place_order(
            "DU300", "AAA", 40, "LIMIT", Decimal(90), client_order_id="rb:run0:DU300:AAA:B:1"
        )
        exchange.set_active(int(left.permanent_id or 0), False)
        result = await ours.rebalance_account(_ACCOUNT)
        assert [order.request.order_ref for order in exchange.open_orders("DU300")] == []
    assert result.status is RunStatus.DONE, result.error
    assert exchange.account("DU300").positions[1].quantity == 48  # 4,900 at 100.02 and a margin
    assert exchange.order(int(left.permanent_id or 0)).filled == 0


async def test_an_order_that_turns_inactive_while_the_run_waits_is_taken_back() -> None:
    exchange = small_exchange()
    exchange.open_account("DU300", cash={"USD": Decimal(5_000)})
    loop = asyncio.get_running_loop()

    def hold_back(event: object) -> None:
        if isinstance(event, OrderChanged) and event.order.status is OrderState.WORKING:
            unsubscribe()
            loop.call_soon(exchange.set_active, event.order.order_id, False)

    unsubscribe = exchange.subscribe(hold_back)
    async with open_world(exchange) as world:
        ours = await rebalancer(world, ["AAA"], ContractCache())
        # Its limit is below the market by the time it arrives, so it rests.
        world.tap.on_request(_PLACE_ORDER, lambda _: exchange.set_quote(1, quote("108", "109")))
        result = await ours.rebalance_account(_ACCOUNT)
        assert exchange.open_orders("DU300") == []
    assert result.status is RunStatus.FAILED
    assert "AAA rejected with 0 of 48" in str(result.error)


class Calendar(WallClock):
    """Real time, on another day: from noon of a Friday in New York on."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop())
        now = datetime.now(UTC)
        self.friday = now.date() + timedelta(days=1 + (3 - now.weekday()) % 7)
        self.ahead = timedelta(0)
        self.go_to(0, time(12))

    def go_to(self, days: int, wall: time) -> None:
        """To a time in New York so many days after the Friday; clocks are put forward and back."""
        day = self.friday + timedelta(days=days)
        moment = datetime.combine(day, wall, ZoneInfo("America/New_York"))
        self.ahead += moment.astimezone(UTC) - self.now()

    def now(self) -> datetime:
        return super().now() + self.ahead


async def test_a_cash_account_buys_the_rest_when_its_sales_have_settled() -> None:
    clock = Calendar()
    exchange = Exchange(clock=clock, instruments=[stock(1, "OLD"), stock(2, "NEW")])
    for con_id in (1, 2):
        exchange.set_quote(con_id, quote("50", "50.01", last=Decimal(50), close=Decimal(49)))
    held = {1: (Decimal(200), Decimal(40))}
    exchange.open_account("DU300", cash={"USD": Decimal(2_000)}, positions=held, settlement_days=1)
    async with open_world(exchange) as world:
        ours = await rebalancer(world, ["NEW"], ContractCache())
        preview = await ours.calculate_rebalance(_ACCOUNT)
        sold = await ours.rebalance_account(_ACCOUNT)
        waiting = await ours.rebalance_account(_ACCOUNT)
        # At the exchange: everything is sold, and what was bought is paid for.
        first = exchange.account("DU300")
        clock.go_to(2, time(23))
        sunday = await ours.rebalance_account(_ACCOUNT)
        clock.go_to(3, time(0))
        rest = await ours.rebalance_account(_ACCOUNT)
        again = await ours.rebalance_account(_ACCOUNT)
    assert sold.status is rest.status is RunStatus.DONE
    assert {waiting.status, sunday.status, again.status} == {RunStatus.NOTHING_TO_DO}
    assert [(t.symbol, t.quantity) for t in sold.orders] == [
        (t.symbol, t.quantity) for t in preview.proposed_trades
    ]
    assert first.positions[2].quantity == 39  # 2,000 have settled; 40 at 50.26 would take 2,010
    assert not first.unpaid_quantities
    assert sold.awaited == waiting.awaited == sunday.awaited
    assert preview.awaited is not None
    assert sold.awaited is not None
    assert preview.awaited.amount == sold.awaited.amount == 200 * 50 - 1
    # The broker's word: by its hours the market opens the next day, a Saturday.
    assert sold.awaited.settles_on == clock.friday + timedelta(days=3)
    assert rest.awaited is None
    final = exchange.account("DU300")
    assert final.positions[2].quantity > 230
    assert not final.unpaid_quantities
    assert final.free_rides == 0
