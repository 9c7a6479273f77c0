"""A small world to trade in: an exchange, a simulated gateway, a tap in front of it, and clients.

Comes in: what a test sets up. Goes out: connected clients that speak real TCP on loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ibkr_connector import IBKRClient
from ibkr_simulator import SimulatedGateway
from simulated_exchange import Exchange, Instrument, Quote, WallClock

from .tap import Tap

ACCOUNT = "DU100"
OTHER_ACCOUNT = "DU200"


def stock(con_id: int, symbol: str, **fields: Any) -> Instrument:
    """A plain stock on NYSE that always trades."""
    home = {"primary_exchange": "NYSE", "long_name": f"{symbol} Inc", "stock_type": "COMMON"}
    return Instrument(con_id=con_id, symbol=symbol, **{**home, **fields})


def quote(bid: str | None, ask: str | None, **fields: Any) -> Quote:
    """A quote of 500 shares on each side that is there."""
    return Quote(
        bid=None if bid is None else Decimal(bid),
        ask=None if ask is None else Decimal(ask),
        bid_size=Decimal(500 if bid else 0),
        ask_size=Decimal(500 if ask else 0),
        **fields,
    )


@dataclass
class World:
    """Both sides of the connection; every client is closed with the world."""

    exchange: Exchange
    gateway: SimulatedGateway
    tap: Tap
    _stack: AsyncExitStack

    async def client(self, client_id: int = 7, **settings: Any) -> IBKRClient:
        """A connected client behind the tap."""
        client = self.stranger(client_id, **settings)
        await client.connect()
        return client

    def stranger(self, client_id: int = 7, **settings: Any) -> IBKRClient:
        """A client that has not connected yet."""
        client = IBKRClient(client_id, **{"port": self.tap.port, **settings})
        self._stack.push_async_callback(client.disconnect)
        return client


@asynccontextmanager
async def open_world(
    exchange: Exchange | None = None, **gateway_settings: Any
) -> AsyncIterator[World]:
    """A world around the exchange; by default AAA at 100.00-100.02, BBB at 50.00-50.05 and BRK B at
    450.00-450.10, an account with 10 AAA, 5 BRK B and 100,000 dollars, and another with 5,000.
    """
    if exchange is None:
        exchange = small_exchange()
    async with (
        SimulatedGateway(exchange, **gateway_settings) as gateway,
        Tap(gateway.port) as tap,
        AsyncExitStack() as stack,
    ):
        yield World(exchange, gateway, tap, stack)


def small_exchange(*more: Instrument) -> Exchange:
    """The exchange of `open_world`; further instruments have no quote yet."""
    exchange = Exchange(
        clock=WallClock(asyncio.get_running_loop()),
        instruments=[stock(1, "AAA"), stock(2, "BBB"), stock(3, "BRK B"), *more],
        rates={"EUR": Decimal("1.1")},
    )
    held = {1: (Decimal(10), Decimal(90)), 3: (Decimal(5), Decimal(400))}
    exchange.open_account(ACCOUNT, cash={"USD": Decimal(100_000)}, positions=held)
    exchange.open_account(OTHER_ACCOUNT, cash={"USD": Decimal(5_000)})
    exchange.set_quote(1, quote("100", "100.02", last=Decimal("100.01"), close=Decimal(99)))
    exchange.set_quote(2, quote("50", "50.05", last=Decimal(50), close=Decimal(49)))
    exchange.set_quote(3, quote("450", "450.10", last=Decimal(450), close=Decimal(440)))
    return exchange
