"""Contract: placing, filling, cancelling and telling of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from broker_connector_base.exceptions import OrderExecutionError
from broker_connector_base.order_states import OrderStatus

from .contract_steps import fate, open_order, place_resting
from .harness import ASK, BELOW, BID, BrokerHarness


class OrderContract:
    async def test_a_market_order_fills_and_says_so(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[1]
        async with harness.session() as client, harness.watching(client) as events:
            placed = await client.place_order(harness.account_id, symbol, 10, client_order_id="buy")
            update = await events.until_status("buy", OrderStatus.FILLED)
            await events.until_filled("buy", 10)
            found = await fate(harness, client, "buy")
            status = await client.get_order_status(placed.order_id)
            assert await client.get_open_orders(harness.account_id) == []
        assert (placed.symbol, placed.client_order_id) == (symbol, "buy")
        assert placed.quantity == 10
        assert placed.status in (OrderStatus.WORKING, OrderStatus.FILLED)
        assert (update.order_id, update.symbol) == (placed.order_id, symbol)
        assert (update.filled_quantity, update.average_price) == (Decimal(10), ASK)
        assert found == (OrderStatus.FILLED, Decimal(10))
        assert status is OrderStatus.FILLED
        assert await harness.shares(symbol) == 10

    async def test_a_sell_is_negative_everywhere(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[0]
        async with harness.session() as client, harness.watching(client) as events:
            placed = await client.place_order(
                harness.account_id, symbol, Decimal(-30), client_order_id="sell"
            )
            await events.until_filled("sell", -30)
            executions = await client.get_executions(harness.account_id)
        assert placed.quantity == -30
        assert [(e.quantity, e.price) for e in executions] == [(Decimal(-30), BID)]

    async def test_a_limit_order_rests_and_is_listed(self, harness: BrokerHarness) -> None:
        async with harness.session() as client:
            placed = await place_resting(harness, client, "rest")
            listed = await open_order(harness, client, "rest")
            status = await client.get_order_status(placed.order_id)
        assert placed.status is status is OrderStatus.WORKING
        assert placed.filled_quantity == 0
        assert listed is not None
        assert (listed.order_id, listed.symbol) == (placed.order_id, harness.symbols[0])
        assert (listed.quantity, listed.filled_quantity) == (Decimal(10), Decimal(0))
        assert (listed.order_type, listed.limit_price) == ("LIMIT", BELOW)
        assert listed.time_in_force == "DAY"
        assert listed.account_id == harness.account_id
        assert listed.own

    async def test_an_order_keeps_its_time_in_force(self, harness: BrokerHarness) -> None:
        async with harness.session() as client:
            await client.place_order(
                harness.account_id,
                harness.symbols[0],
                -10,
                "LIMIT",
                ASK + 10,
                client_order_id="stay",
                time_in_force="GTC",
            )
            listed = await open_order(harness, client, "stay")
        assert listed is not None
        assert (listed.time_in_force, listed.limit_price) == ("GTC", ASK + 10)
        assert listed.quantity == -10

    async def test_a_partial_fill_keeps_the_rest_working(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[1]
        await harness.market_takes(symbol, 4)
        async with harness.session() as client, harness.watching(client) as events:
            await client.place_order(harness.account_id, symbol, 10, client_order_id="part")
            await events.until_filled("part", 4)
            listed = await open_order(harness, client, "part")
            found = await fate(harness, client, "part")
            assert listed is not None
            assert (listed.quantity, listed.filled_quantity) == (Decimal(10), Decimal(4))
            assert found == (OrderStatus.WORKING, Decimal(4))
            await harness.market_takes(symbol, None)
            update = await events.until_status("part", OrderStatus.FILLED)
            await events.until_filled("part", 10)
        assert (update.filled_quantity, update.remaining_quantity) == (Decimal(10), Decimal(0))

    async def test_a_cancelled_order_is_told_and_no_longer_listed(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session() as client, harness.watching(client) as events:
            placed = await place_resting(harness, client, "rest")
            await client.cancel_order(placed.order_id)
            await events.until_status("rest", OrderStatus.CANCELLED)
            assert await open_order(harness, client, "rest") is None
            assert await client.get_order_status(placed.order_id) is OrderStatus.CANCELLED
            found = await fate(harness, client, "rest")
        assert found == (OrderStatus.CANCELLED, Decimal(0))

    async def test_a_cancelled_order_keeps_what_was_filled(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[1]
        await harness.market_takes(symbol, 4)
        async with harness.session() as client, harness.watching(client) as events:
            placed = await client.place_order(
                harness.account_id, symbol, 10, client_order_id="part"
            )
            await events.until_filled("part", 4)
            await client.cancel_order(placed.order_id)
            update = await events.until_status("part", OrderStatus.CANCELLED)
            found = await fate(harness, client, "part")
        assert update.filled_quantity == 4
        assert found == (OrderStatus.CANCELLED, Decimal(4))
        assert await harness.shares(symbol) == 4

    async def test_a_fill_can_beat_the_cancellation(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[1]
        await harness.market_takes(symbol, 0)
        async with harness.session() as client, harness.watching(client) as events:
            placed = await client.place_order(
                harness.account_id, symbol, 10, client_order_id="race"
            )
            await harness.fill_before_cancel(symbol)
            await client.cancel_order(placed.order_id)
            await events.until_filled("race", 10)
            await events.until_status("race", OrderStatus.FILLED)
            assert await client.get_order_status(placed.order_id) is OrderStatus.FILLED
            found = await fate(harness, client, "race")
        assert OrderStatus.CANCELLED not in {u.status for u in events.updates("race")}
        assert found == (OrderStatus.FILLED, Decimal(10))

    async def test_a_rejected_order_raises_the_brokers_code(self, harness: BrokerHarness) -> None:
        symbol, quantity, limit = harness.refused_order()
        kind = "MARKET" if limit is None else "LIMIT"
        async with harness.session() as client:
            # The second time nothing is sent: the key has had its answer.
            for _ in range(2):
                with pytest.raises(OrderExecutionError) as refusal:
                    await client.place_order(
                        harness.account_id, symbol, quantity, kind, limit, client_order_id="refused"
                    )
                assert refusal.value.code
            assert await open_order(harness, client, "refused") is None
            assert await client.get_executions(harness.account_id) == []
        assert list(await harness.keys_received()) == []

    async def test_repeating_a_key_returns_the_first_order(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[1]
        async with harness.session() as client, harness.watching(client) as events:
            resting = await place_resting(harness, client, "rest")
            assert (await place_resting(harness, client, "rest")).order_id == resting.order_id
            filled = await client.place_order(harness.account_id, symbol, 10, client_order_id="buy")
            await events.until_status("buy", OrderStatus.FILLED)
            again = await client.place_order(harness.account_id, symbol, 10, client_order_id="buy")
        assert (again.order_id, again.status) == (filled.order_id, OrderStatus.FILLED)
        assert list(await harness.keys_received()) == ["rest", "buy"]

    async def test_a_key_repeated_at_the_same_time_is_sent_once(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session() as client:
            first, second = await asyncio.gather(
                place_resting(harness, client, "twin"), place_resting(harness, client, "twin")
            )
        assert first.order_id == second.order_id
        assert list(await harness.keys_received()) == ["twin"]

    async def test_orders_started_in_order_arrive_in_order(self, harness: BrokerHarness) -> None:
        keys = [f"order-{number}" for number in range(8)]
        async with harness.session() as client:
            await asyncio.gather(*(place_resting(harness, client, key) for key in keys))
        assert list(await harness.keys_received()) == keys

    async def test_events_cannot_be_outrun_by_the_order(self, harness: BrokerHarness) -> None:
        async with harness.session() as client, harness.watching(client) as events:
            await client.place_order(
                harness.account_id, harness.symbols[1], 10, client_order_id="fast"
            )
            # Everything has happened by now; nobody has read an event yet.
            await client.get_executions(harness.account_id)
            await events.until_status("fast", OrderStatus.FILLED)
            await events.until_filled("fast", 10)

    async def test_a_wait_for_events_can_be_given_up_and_taken_up_again(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session() as client, harness.watching(client) as events:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(events.source), timeout=0.01)
            await client.place_order(
                harness.account_id, harness.symbols[1], 10, client_order_id="buy"
            )
            await events.until_filled("buy", 10)

    async def test_every_subscriber_hears_everything(self, harness: BrokerHarness) -> None:
        async with (
            harness.session() as client,
            harness.watching(client) as one,
            harness.watching(client) as two,
        ):
            await client.place_order(
                harness.account_id, harness.symbols[1], 10, client_order_id="buy"
            )
            for events in (one, two):
                await events.until_status("buy", OrderStatus.FILLED)
                await events.until_filled("buy", 10)

    async def test_accounts_do_not_hear_of_each_other(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[1]
        async with (
            harness.session() as client,
            harness.watching(client) as ours,
            harness.watching(client, harness.other_account_id) as theirs,
        ):
            await client.place_order(harness.other_account_id, symbol, 5, client_order_id="theirs")
            await client.place_order(harness.account_id, symbol, 10, client_order_id="ours")
            await ours.until_filled("ours", 10)
            await theirs.until_filled("theirs", 5)
            executions = await client.get_executions(harness.account_id)
            assert await fate(harness, client, "theirs") is None
        assert ours.fills("theirs") == theirs.fills("ours") == []
        assert {e.client_order_id for e in executions} == {"ours"}
        assert await harness.shares(symbol) == 10

    async def test_executions_carry_keys_and_commissions(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[1]
        async with harness.session() as client, harness.watching(client) as events:
            placed = await client.place_order(harness.account_id, symbol, 10, client_order_id="buy")
            await events.until_filled("buy", 10)
            await events.until_charged("buy")
            executions = await client.get_executions(harness.account_id)
            later = executions[-1].at + timedelta(seconds=1)
            assert await client.get_executions(harness.account_id, since=later) == []
        assert sum(e.quantity for e in executions) == 10
        assert {e.execution_id for e in executions} == {e.execution_id for e in events.fills("buy")}
        for execution in executions:
            assert (execution.order_id, execution.client_order_id) == (placed.order_id, "buy")
            assert (execution.account_id, execution.symbol) == (harness.account_id, symbol)
            assert execution.price == ASK
            assert execution.commission is not None
            assert execution.commission > 0
            assert execution.commission_currency == "USD"
