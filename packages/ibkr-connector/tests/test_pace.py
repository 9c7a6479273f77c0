"""How many messages reach the gateway in a second, and which of them first.

On a loop whose time passes only when nothing else can happen: on a machine that is busy, a gateway
in this same process would hear two bursts at once that left a second apart.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from ibkr_connector.testing.world import ACCOUNT, open_world, quote, small_exchange, stock
from simulated_exchange import Exchange

_PLACE, _COMPLETED = 3, 99
_LIMIT_PER_SECOND = 50  # of a real gateway, all messages together


def wide_exchange(symbols: list[str]) -> Exchange:
    exchange = small_exchange(*(stock(100 + n, symbol) for n, symbol in enumerate(symbols)))
    for n in range(len(symbols)):
        exchange.set_quote(100 + n, quote("20", "20.01", last=Decimal(20), close=Decimal(19)))
    return exchange


async def test_twenty_quotes_and_twenty_orders_fit_into_a_second() -> None:
    symbols = [f"S{n}" for n in range(20)]
    async with open_world(wide_exchange(symbols)) as world:
        client = await world.client()
        await client.get_account_snapshot(ACCOUNT)
        await client.get_multiple_market_prices(symbols)
        await asyncio.gather(*(client.place_order(ACCOUNT, symbol, 1) for symbol in symbols))
        assert len(world.exchange.executions()) == 20
        assert world.gateway.statistics.max_messages_per_second <= _LIMIT_PER_SECOND
        assert _COMPLETED not in world.tap.numbers()


async def test_orders_overtake_questions_that_wait_their_turn() -> None:
    symbols = [f"S{n}" for n in range(60)]
    async with open_world(wide_exchange(symbols)) as world:
        client = await world.client(quote_timeout_seconds=5)
        await client.get_instruments(["AAA"])
        quotes = asyncio.create_task(client.get_multiple_market_prices(symbols[:41]))
        lookups = asyncio.create_task(client.get_instruments(symbols))
        await asyncio.sleep(0)
        await asyncio.gather(
            client.place_order(ACCOUNT, "AAA", 1), client.place_order(ACCOUNT, "AAA", 2)
        )
        # 45 questions went out at once; the orders are the next two messages all the same.
        assert world.tap.numbers()[45:47] == [_PLACE, _PLACE]
        assert [fields[17] for _, fields in world.tap.sent if fields[0] == "3"] == ["1", "2"]
        quotes.cancel()
        lookups.cancel()
        await asyncio.gather(quotes, lookups, return_exceptions=True)
        assert world.gateway.statistics.max_messages_per_second <= _LIMIT_PER_SECOND
