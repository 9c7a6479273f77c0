"""Contract: other people's orders, lost sessions, restarts, and orders of unknown fate."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest

from broker_connector_base.base_client import BrokerClient
from broker_connector_base.exceptions import (
    BrokerConnectionError,
    OrderExecutionError,
    OrderOutcomeUnknown,
)
from broker_connector_base.order_states import OrderStatus

from .contract_steps import fate, open_order, place_resting
from .harness import BELOW, BrokerHarness


async def lose_the_session(harness: BrokerHarness, client: BrokerClient) -> None:
    """Break the connection and return when the client knows."""
    async with harness.watching(client) as events:
        await harness.drop_connections()
        with pytest.raises(BrokerConnectionError):
            await events.until_the_end()


class RecoveryContract:
    async def test_foreign_orders_are_listed_and_not_own(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[0]
        async with harness.session() as client:
            await place_resting(harness, client, "mine")
            await harness.place_foreign_order(symbol, 7, BELOW)
            orders = await client.get_open_orders(harness.account_id)
        assert {(o.symbol, o.quantity, o.own) for o in orders} == {
            (symbol, Decimal(10), True),
            (symbol, Decimal(7), False),
        }

    async def test_a_foreign_order_cannot_be_cancelled(self, harness: BrokerHarness) -> None:
        await harness.place_foreign_order(harness.symbols[0], 7, BELOW)
        async with harness.session() as client:
            (foreign,) = await client.get_open_orders(harness.account_id)
            with pytest.raises(OrderExecutionError):
                await client.cancel_order(foreign.order_id)
            assert len(await client.get_open_orders(harness.account_id)) == 1

    async def test_an_order_that_never_was_is_not_found(self, harness: BrokerHarness) -> None:
        async with harness.session() as client:
            assert await fate(harness, client, "never") is None
            assert await client.get_order_status("987654") is OrderStatus.NOT_FOUND
            assert await client.get_order_status("no number") is OrderStatus.ERROR
            with pytest.raises(OrderExecutionError):
                await client.cancel_order("987654")

    async def test_a_lost_connection_raises_in_every_event_stream(
        self, harness: BrokerHarness
    ) -> None:
        async with (
            harness.session() as client,
            harness.watching(client) as ours,
            harness.watching(client, harness.other_account_id) as theirs,
        ):
            await harness.drop_connections()
            for events in (ours, theirs):
                with pytest.raises(BrokerConnectionError):
                    await events.until_the_end()
            assert not client.is_connected()
            with pytest.raises(BrokerConnectionError):
                await client.get_account_snapshot(harness.account_id)
            with pytest.raises(BrokerConnectionError):
                await place_resting(harness, client, "unsent")
        assert list(await harness.keys_received()) == []

    async def test_events_before_the_loss_are_still_told(self, harness: BrokerHarness) -> None:
        async with harness.session() as client, harness.watching(client) as events:
            await client.place_order(
                harness.account_id, harness.symbols[1], 10, client_order_id="buy"
            )
            # This answer comes after the fill's events, which nobody has read yet.
            await client.get_executions(harness.account_id)
            await harness.drop_connections()
            await events.until_filled("buy", 10)
            with pytest.raises(BrokerConnectionError):
                await events.until_the_end()

    async def test_closing_the_session_ends_its_event_streams(self, harness: BrokerHarness) -> None:
        async with harness.session() as client, harness.watching(client) as events:
            await client.disconnect()
            with pytest.raises(BrokerConnectionError):
                await events.until_the_end()

    async def test_working_orders_survive_a_lost_session(self, harness: BrokerHarness) -> None:
        async with harness.session() as client:
            placed = await place_resting(harness, client, "rest")
            await lose_the_session(harness, client)
            await client.connect()
            listed = await open_order(harness, client, "rest")
            assert listed is not None
            assert listed.own
            assert listed.quantity == 10
            assert listed.permanent_id == placed.permanent_id or placed.permanent_id is None
            async with harness.watching(client) as events:
                await client.cancel_order(listed.order_id)
                await events.until_status("rest", OrderStatus.CANCELLED)

    async def test_a_new_session_with_the_same_client_id_owns_the_orders(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session(client_id=7) as client:
            await place_resting(harness, client, "rest")
        async with harness.session(client_id=7) as heir, harness.watching(heir) as events:
            listed = await open_order(harness, heir, "rest")
            assert listed is not None
            assert listed.own
            await heir.cancel_order(listed.order_id)
            await events.until_status("rest", OrderStatus.CANCELLED)

    async def test_another_client_id_sees_the_orders_and_does_not_own_them(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session(client_id=7) as owner:
            await place_resting(harness, owner, "rest")
            async with harness.session(client_id=8) as other:
                listed = await open_order(harness, other, "rest")
                found = await fate(harness, other, "rest")
        assert listed is not None
        assert not listed.own
        assert listed.quantity == 10
        assert found == (OrderStatus.WORKING, Decimal(0))

    async def test_what_filled_while_nobody_watched_is_found_again(
        self, harness: BrokerHarness
    ) -> None:
        symbol = harness.symbols[1]
        await harness.market_takes(symbol, 4)
        async with harness.session(client_id=7) as client, harness.watching(client) as events:
            await client.place_order(harness.account_id, symbol, 10, client_order_id="late")
            await events.until_filled("late", 4)
        await harness.market_takes(symbol, None)
        async with harness.session(client_id=7) as heir:
            found = await fate(harness, heir, "late")
            executions = await heir.get_executions(harness.account_id)
        assert found == (OrderStatus.FILLED, Decimal(10))
        assert [e.quantity for e in executions] == [4, 6]
        assert {e.client_order_id for e in executions} == {"late"}

    async def test_an_answer_lost_after_sending_is_an_unknown_outcome(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session() as client:
            await harness.drop_at_next_order()
            with pytest.raises(OrderOutcomeUnknown) as unknown:
                await place_resting(harness, client, "doubt")
            assert unknown.value.client_order_id == "doubt"
            await client.connect()
            assert await fate(harness, client, "doubt") == (OrderStatus.WORKING, Decimal(0))
            # The order or the same doubt are both fine answers; a second order is not.
            with suppress(OrderOutcomeUnknown):
                await place_resting(harness, client, "doubt")
        assert list(await harness.keys_received()) == ["doubt"]

    async def test_orders_and_executions_survive_a_restart_of_the_broker(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session() as client:
            async with harness.watching(client) as events:
                await place_resting(harness, client, "rest")
                await client.place_order(
                    harness.account_id, harness.symbols[1], 10, client_order_id="buy"
                )
                await events.until_filled("buy", 10)
                await harness.restart()
                with pytest.raises(BrokerConnectionError):
                    await events.until_the_end()
            await client.connect()
            assert await open_order(harness, client, "rest") is not None
            bought = await fate(harness, client, "buy")
            executions = await client.get_executions(harness.account_id)
            await harness.published()
            snapshot = await client.get_account_snapshot(harness.account_id)
        assert bought == (OrderStatus.FILLED, Decimal(10))
        assert {e.client_order_id for e in executions} == {"buy"}
        assert snapshot.cash_balance == await harness.cash()
