"""Contract: accounts, positions, cash, quotes and instruments."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base.exceptions import AccountNotFound, UnknownSymbol
from broker_connector_base.order_states import OrderStatus

from .contract_steps import holdings
from .harness import ASK, BELOW, BID, CASH, SHARES, BrokerHarness


class AccountContract:
    async def test_a_snapshot_shows_positions_cash_and_net_liquidation(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session() as client:
            snapshot = await client.get_account_snapshot(harness.account_id)
        assert snapshot.account_id == harness.account_id
        assert holdings(snapshot) == {harness.symbols[0]: SHARES}
        assert snapshot.cash_balance == CASH
        assert snapshot.currency == "USD"
        assert CASH + SHARES * BID <= snapshot.total_value <= CASH + SHARES * ASK

    async def test_a_snapshot_shows_its_own_account_only(self, harness: BrokerHarness) -> None:
        async with harness.session() as client:
            snapshot = await client.get_account_snapshot(harness.other_account_id)
        assert snapshot.account_id == harness.other_account_id
        assert holdings(snapshot) == {}

    async def test_accounts_can_be_read_at_the_same_time(self, harness: BrokerHarness) -> None:
        ids = [harness.account_id, harness.other_account_id] * 2
        async with harness.session() as client:
            snapshots = await asyncio.gather(*map(client.get_account_snapshot, ids))
        assert [snapshot.account_id for snapshot in snapshots] == ids
        assert [bool(snapshot.positions) for snapshot in snapshots] == [True, False] * 2

    async def test_a_snapshot_after_a_fill_is_the_brokers_own_books(
        self, harness: BrokerHarness
    ) -> None:
        bought, sold = harness.symbols[1], harness.symbols[0]
        async with harness.session() as client, harness.watching(client) as events:
            await client.place_order(harness.account_id, bought, 10, client_order_id="buy")
            await client.place_order(harness.account_id, sold, -30, client_order_id="sell")
            await events.until_filled("buy", 10)
            await events.until_filled("sell", -30)
            await events.until_charged("buy")
            await events.until_charged("sell")
            await harness.published()
            snapshot = await client.get_account_snapshot(harness.account_id)
        fees = sum(fill.commission or 0 for key in ("buy", "sell") for fill in events.fills(key))
        assert holdings(snapshot) == {sold: SHARES - 30, bought: 10}
        assert snapshot.cash_balance == CASH - 10 * ASK + 30 * BID - fees
        assert snapshot.cash_balance == await harness.cash()
        assert await harness.shares(bought) == 10

    async def test_a_position_that_is_sold_out_is_gone(self, harness: BrokerHarness) -> None:
        symbol = harness.symbols[0]
        async with harness.session() as client, harness.watching(client) as events:
            await client.place_order(
                harness.account_id, symbol, -int(SHARES), client_order_id="all"
            )
            await events.until_status("all", OrderStatus.FILLED)
            await harness.published()
            snapshot = await client.get_account_snapshot(harness.account_id)
        assert holdings(snapshot).get(symbol, 0) == 0

    async def test_an_account_of_another_login_is_refused_with_the_known_ones(
        self, harness: BrokerHarness
    ) -> None:
        async with harness.session() as client:
            with pytest.raises(AccountNotFound, match=harness.account_id):
                await client.get_account_snapshot("NOT-MINE")
            with pytest.raises(AccountNotFound):
                await client.place_order("NOT-MINE", harness.symbols[0], 10, client_order_id="lost")
            with pytest.raises(AccountNotFound):
                await client.get_open_orders("NOT-MINE")
        assert list(await harness.keys_received()) == []

    async def test_quotes_come_in_the_order_asked(self, harness: BrokerHarness) -> None:
        first, second = harness.symbols
        await harness.set_quote(second, bid=BID - 50, ask=ASK - 50)
        async with harness.session() as client:
            quotes = await client.get_multiple_market_prices([second, first])
        assert [(q.symbol, q.bid, q.ask) for q in quotes] == [
            (second, BID - 50, ASK - 50),
            (first, BID, ASK),
        ]

    async def test_a_missing_side_of_a_quote_is_none(self, harness: BrokerHarness) -> None:
        first, second = harness.symbols
        await harness.set_quote(first, bid=None, ask=ASK)
        await harness.set_quote(second, bid=BID, ask=None)
        async with harness.session() as client:
            quotes = await client.get_multiple_market_prices([first, second])
        assert [(quote.bid, quote.ask) for quote in quotes] == [(None, ASK), (BID, None)]

    async def test_instruments_come_in_the_order_asked(self, harness: BrokerHarness) -> None:
        first, second = harness.symbols
        async with harness.session() as client:
            instruments = await client.get_instruments([second, first])
        assert [i.symbol for i in instruments] == [second, first]
        assert {i.security_type for i in instruments} == {"STK"}
        assert {i.currency for i in instruments} == {"USD"}
        assert len({i.instrument_id for i in instruments}) == 2
        assert {i.min_tick for i in instruments} == {Decimal("0.01")}

    async def test_a_share_class_has_a_dot_everywhere_and_no_blank(
        self, harness: BrokerHarness
    ) -> None:
        symbol = harness.class_share
        blank = symbol.replace(".", " ")
        account = harness.account_id
        async with harness.session() as client, harness.watching(client) as events:
            (quote,) = await client.get_multiple_market_prices([symbol])
            (instrument,) = await client.get_instruments([symbol])
            placed = await client.place_order(account, symbol, 10, client_order_id="buy")
            await events.until_filled("buy", 10)
            found = await client.find_order(account, "buy")
            fills = await client.get_executions(account)
            await client.place_order(account, symbol, 1, "LIMIT", BELOW, client_order_id="rest")
            listed = await client.get_open_orders(account)
            await harness.published()
            snapshot = await client.get_account_snapshot(account)
            with pytest.raises(UnknownSymbol, match=blank):
                await client.get_multiple_market_prices([blank])
            with pytest.raises(UnknownSymbol, match=blank):
                await client.place_order(account, blank, 10, client_order_id="blank")
        assert found is not None
        told = [quote.symbol, instrument.symbol, placed.symbol, found.symbol]
        told += [fill.symbol for fill in fills]
        told += [update.symbol for update in events.updates("buy")]
        told += [order.symbol for order in listed]
        assert set(told) == {symbol}
        assert holdings(snapshot) == {harness.symbols[0]: SHARES, symbol: 10}

    async def test_an_unknown_symbol_is_refused_everywhere(self, harness: BrokerHarness) -> None:
        unknown = harness.unknown_symbol
        async with harness.session() as client:
            with pytest.raises(UnknownSymbol, match=unknown):
                await client.get_instruments([harness.symbols[0], unknown])
            with pytest.raises(UnknownSymbol, match=unknown):
                await client.get_multiple_market_prices([unknown])
            with pytest.raises(UnknownSymbol, match=unknown):
                await client.place_order(harness.account_id, unknown, 10, client_order_id="lost")
        assert list(await harness.keys_received()) == []
