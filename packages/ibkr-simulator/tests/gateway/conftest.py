"""A small market behind a real gateway on a loopback port, and clients that log in to it.

`world` is the way in: `await world.gateway()`, then `await world.client(1)` for an `ib_async.IB` or
`await world.wire(1)` for a bare socket that speaks the protocol. Time stands still unless a test
advances it, orders meet the market at once, and nothing waits for time to pass.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from ib_async import IB, Stock

from ibkr_simulator import SimulatedGateway
from ibkr_simulator.codec import Message, decode_reply, encode_request
from ibkr_simulator.frames import CLIENT_PREFIX, FrameDecoder, encode_frame, split_fields
from simulated_exchange import Exchange, Instrument, Quote, TradingHours, VirtualClock

#: Friday, noon in New York
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
SPY, AAPL, SAP_XETRA, SAP_NYSE, NEWS = 756733, 265598, 14204, 4885, 990001
PATIENCE = 5.0


def _instrument(con_id: int, symbol: str, primary: str, **more: Any) -> Instrument:
    exchanges = ("SMART", primary)
    return Instrument(
        con_id=con_id,
        symbol=symbol,
        primary_exchange=primary,
        valid_exchanges=exchanges,
        **more,
    )


def _quote(bid: str, ask: str, last: str, close: str) -> Quote:
    size = Decimal(500)
    return Quote(
        bid=Decimal(bid),
        ask=Decimal(ask),
        last=Decimal(last),
        close=Decimal(close),
        bid_size=size,
        ask_size=size,
        last_size=size,
    )


def build_exchange(clock: VirtualClock, *more: Instrument) -> Exchange:
    """Two US listings, one name listed twice, one that trades in regular hours only."""
    exchange = Exchange(
        clock=clock,
        instruments=[
            _instrument(SPY, "SPY", "ARCA", long_name="SPDR S&P 500 ETF", isin="US78462F1030"),
            _instrument(AAPL, "AAPL", "NASDAQ", long_name="APPLE INC", trading_class="NMS"),
            _instrument(SAP_NYSE, "SAP", "NYSE", long_name="SAP SE-ADR"),
            _instrument(SAP_XETRA, "SAP", "IBIS", currency="EUR", long_name="SAP SE"),
            _instrument(
                NEWS,
                "NEWS",
                "NYSE",
                trading_hours=TradingHours.us_regular(),
                liquid_hours=TradingHours.us_regular(),
            ),
            # Fills a socket's buffers with few messages.
            _instrument(990002, "LONG", "NYSE", long_name="N" * 100_000),
            *more,
        ],
        rates={"EUR": Decimal("1.25")},
    )
    exchange.set_quote(SPY, _quote("600.00", "600.02", "600.01", "598.50"))
    exchange.set_quote(AAPL, _quote("199.99", "200.00", "200.00", "201.00"))
    exchange.set_quote(SAP_NYSE, _quote("250.00", "250.10", "250.05", "251.00"))
    exchange.set_quote(SAP_XETRA, _quote("200.00", "200.10", "200.05", "201.00"))
    exchange.set_quote(NEWS, _quote("10.00", "10.01", "10.01", "9.90"))
    exchange.open_account(
        "DU1",
        cash={"USD": Decimal("50000.00"), "EUR": Decimal("1000.00")},
        positions={
            SPY: (Decimal(10), Decimal("550.00")),
            SAP_XETRA: (Decimal(5), Decimal("150.00")),
        },
        margin=True,
    )
    exchange.open_account("DU2", cash={"USD": Decimal("3000.00")})
    return exchange


class Wire:
    """A client made of a socket and the message tables, for what ib_async would never send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.version = 178
        self._decoder = FrameDecoder()
        self._payloads: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def send(self, name: str, **fields: Any) -> None:
        self.write(encode_frame(encode_request(Message(name, fields), self.version)))

    async def payload(self) -> bytes:
        """The next payload; raises EOFError when the gateway has closed the connection."""
        while not self._payloads:
            data = await asyncio.wait_for(self.reader.read(65536), PATIENCE)
            if not data:
                raise EOFError
            self._payloads += self._decoder.feed(data)
        return self._payloads.pop(0)

    async def receive(self) -> Message:
        return decode_reply(await self.payload(), self.version)

    async def receive_until(self, name: str) -> list[Message]:
        """Messages up to and including the first of this name."""
        received = [await self.receive()]
        while received[-1].name != name:
            received.append(await self.receive())
        return received

    async def hello(self, versions: str = "v157..178") -> list[str]:
        """Open the conversation; the fields of the gateway's answer."""
        self.write(CLIENT_PREFIX + encode_frame(versions.encode()))
        fields = split_fields(await self.payload())
        self.version = int(fields[0])
        return fields

    async def at_end(self) -> bool:
        """Whether the gateway has closed the connection; reads whatever came before."""
        try:
            while True:
                await self.payload()
        except (EOFError, ConnectionError):
            return True


class World:
    """One exchange, its gateways and their clients, all closed at the end of the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.clock = VirtualClock(NOON)
        self.exchange = build_exchange(self.clock)
        self.gateways: list[SimulatedGateway] = []
        #: set by tests that send what no gateway answers
        self.expects_unknown = False
        self._stack = stack

    def list(self, *instruments: Instrument) -> None:
        """Begin again with more instruments; before anything else."""
        self.exchange = build_exchange(self.clock, *instruments)

    async def gateway(self, **options: Any) -> SimulatedGateway:
        """A gateway that listens, for the account DU1 unless told otherwise."""
        options.setdefault("accounts", ("DU1",))
        gateway = await self._stack.enter_async_context(SimulatedGateway(self.exchange, **options))
        self.gateways.append(gateway)
        return gateway

    async def restart(self, **options: Any) -> SimulatedGateway:
        """Stop the gateway, save the exchange, and open both again from what was saved."""
        await self.gateways[-1].stop()
        self.exchange = Exchange.restore(self.exchange.save(), clock=self.clock)
        return await self.gateway(**options)

    async def client(self, client_id: int = 1, **options: Any) -> IB:
        """A real client, logged in and synchronised, without its own throttle."""
        ib = IB()
        ib.client.MaxRequests = 0
        options.setdefault("timeout", PATIENCE)
        self._stack.callback(ib.disconnect)
        port = self.gateways[-1].port
        await ib.connectAsync("127.0.0.1", port, clientId=client_id, **options)
        return ib

    async def wire(self, client_id: int | None = None, *, receives: int | None = None) -> Wire:
        """A bare connection; with a client id it has logged in and heard the welcome.

        `receives` is the size of its socket's receive buffer, in bytes.
        """
        connection = socket.socket()
        if receives is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        connection.connect(("127.0.0.1", self.gateways[-1].port))
        reader, writer = await asyncio.open_connection(sock=connection)
        self._stack.callback(writer.close)
        wire = Wire(reader, writer)
        if client_id is not None:
            await wire.hello()
            wire.send("startApi", clientId=client_id)
            for _ in range(5):
                await wire.receive()
        return wire

    async def gone(self, client_id: int) -> None:
        """Wait until the gateway knows that a client has left."""
        onlooker = await self.wire(99)
        while client_id in self.gateways[-1].sessions:
            onlooker.send("reqCurrentTime")
            await onlooker.receive()
        onlooker.writer.close()

    async def settle(self, *clients: IB) -> None:
        """Wait until each client has seen everything that its requests so far have caused.

        Answers come in order; account updates follow one turn of the loop later.
        """
        for ib in clients:
            await asyncio.wait_for(ib.reqCurrentTimeAsync(), PATIENCE)
            await asyncio.wait_for(ib.reqCurrentTimeAsync(), PATIENCE)


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def undecodable() -> Iterator[list[str]]:
    """What ib_async could not decode; every test fails that leaves something here."""
    handler, logger = _Complaints(), logging.getLogger("ib_async.Decoder")
    logger.addHandler(handler)
    yield handler.texts
    logger.removeHandler(handler)


@pytest.fixture
async def world(undecodable: list[str]) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        world = World(stack)
        yield world
        for gateway in world.gateways:
            assert world.expects_unknown or not gateway.unknown_messages
    assert undecodable == []
    assert world.exchange.audit() == []


@pytest.fixture
def spy() -> Stock:
    return Stock("SPY", "SMART", "USD", conId=SPY)


@pytest.fixture
def aapl() -> Stock:
    return Stock("AAPL", "SMART", "USD", conId=AAPL)
