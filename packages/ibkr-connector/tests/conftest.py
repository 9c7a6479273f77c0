"""A simulated gateway on a loopback port, and clients that log in to it over real TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from ibkr_connector import IBKRClient
from ibkr_simulator import SimulatedGateway
from simulated_exchange import Exchange, Instrument, Quote, WallClock

ACCOUNT = "DU100"
OTHER_ACCOUNT = "DU200"


def stock(con_id: int, symbol: str, **fields: Any) -> Instrument:
    return Instrument(
        con_id=con_id, symbol=symbol, primary_exchange="NYSE", long_name=symbol.title(), **fields
    )


def quote(bid: str, ask: str, **fields: Any) -> Quote:
    return Quote(
        bid=Decimal(bid),
        ask=Decimal(ask),
        last=fields.pop("last", Decimal(bid)),
        close=fields.pop("close", Decimal(bid)),
        bid_size=Decimal(500),
        ask_size=Decimal(500),
        last_size=Decimal(100),
        **fields,
    )


@dataclass
class World:
    """One exchange, one gateway, any number of clients."""

    exchange: Exchange
    gateway: SimulatedGateway
    stack: AsyncExitStack
    clients: list[IBKRClient] = field(default_factory=list)

    async def client(self, client_id: int = 7, **settings: Any) -> IBKRClient:
        client = IBKRClient(client_id, **{"port": self.gateway.port, **settings})
        await client.connect()
        self.stack.push_async_callback(client.disconnect)
        return client


@pytest.fixture
async def world() -> AsyncIterator[World]:
    exchange = Exchange(
        clock=WallClock(asyncio.get_running_loop()),
        instruments=[
            stock(1, "AAA"),
            stock(2, "BBB"),
            stock(3, "BRK B"),
        ],
    )
    exchange.open_account(
        ACCOUNT,
        cash={"USD": Decimal(100_000)},
        positions={1: (Decimal(10), Decimal(90)), 3: (Decimal(5), Decimal(400))},
    )
    exchange.open_account(OTHER_ACCOUNT, cash={"USD": Decimal(5_000)})
    exchange.set_quote(1, quote("100", "100.02"))
    exchange.set_quote(2, quote("50", "50.05"))
    exchange.set_quote(3, quote("450", "450.10"))
    async with AsyncExitStack() as stack, SimulatedGateway(exchange) as gateway, stack:
        yield World(exchange, gateway, stack)
