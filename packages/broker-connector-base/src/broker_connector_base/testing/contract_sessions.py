"""Contract: logging in and out, client ids, and what a call without a session does."""

from __future__ import annotations

import asyncio

import pytest

from broker_connector_base.exceptions import BrokerConnectionError, ClientIdInUse

from .harness import BrokerHarness


class SessionContract:
    async def test_connecting_twice_and_disconnecting_twice_are_harmless(
        self, harness: BrokerHarness
    ) -> None:
        client = harness.client()
        assert not client.is_connected()
        assert await client.connect() is True
        assert await client.connect() is True
        assert client.is_connected()
        await client.disconnect()
        await client.disconnect()
        assert not client.is_connected()

    async def test_a_session_can_be_opened_again_by_the_same_client(
        self, harness: BrokerHarness
    ) -> None:
        client = harness.client()
        for _ in range(2):
            await client.connect()
            assert harness.account_id in await client.get_accounts()
            await client.disconnect()

    async def test_it_is_known_when_the_broker_was_last_heard(self, harness: BrokerHarness) -> None:
        loop = asyncio.get_running_loop()
        client = harness.client()
        assert client.last_heard() < loop.time()
        async with harness.session() as client:
            asked = loop.time()
            await client.get_open_orders(harness.account_id)
            assert asked <= client.last_heard() <= loop.time()
        assert asked <= client.last_heard() <= loop.time()

    async def test_the_login_lists_its_accounts(self, harness: BrokerHarness) -> None:
        async with harness.session() as client:
            assert {harness.account_id, harness.other_account_id} <= set(
                await client.get_accounts()
            )

    async def test_a_client_id_in_use_is_refused(self, harness: BrokerHarness) -> None:
        async with harness.session(client_id=7) as first:
            second = harness.client(client_id=7)
            with pytest.raises(ClientIdInUse):
                await second.connect()
            assert not second.is_connected()
            assert first.is_connected()
            assert harness.account_id in await first.get_accounts()

    async def test_sessions_with_different_client_ids_stand_side_by_side(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session(client_id=7) as first, harness.session(client_id=8) as second:
            assert await first.get_accounts() == await second.get_accounts()

    async def test_a_client_id_is_free_after_its_session(self, harness: BrokerHarness) -> None:
        for _ in range(2):
            async with harness.session(client_id=7) as client:
                assert client.is_connected()

    async def test_a_call_without_a_session_sends_nothing(self, harness: BrokerHarness) -> None:
        client = harness.client()
        account, symbol = harness.account_id, harness.symbols[0]
        with pytest.raises(BrokerConnectionError):
            await client.get_accounts()
        with pytest.raises(BrokerConnectionError):
            await client.get_account_snapshot(account)
        with pytest.raises(BrokerConnectionError):
            await client.place_order(account, symbol, 10, client_order_id="unsent")
        with pytest.raises(BrokerConnectionError):
            async with client.order_events(account):
                pytest.fail("a subscription without a session")
        assert list(await harness.keys_received()) == []
