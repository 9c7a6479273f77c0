"""How much one gateway carries: `python packages/ibkr-simulator/benchmarks/throughput.py`.

Prints one JSON object: market orders placed and filled in a second by one client without a
throttle, the same by 32 clients at once, and how a stream of 1,000 symbols at 10 updates a second
each arrives. The gateway is a process of its own; the clients are bare sockets in this one, so that
the gateway is what is measured.
"""

import asyncio
import json
import multiprocessing
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

from ibkr_simulator import SimulatedGateway
from ibkr_simulator.codec import Message, encode_request
from ibkr_simulator.frames import CLIENT_PREFIX, FrameDecoder, encode_frame
from simulated_exchange import Exchange, Instrument, Quote, VirtualClock

ORDERS = 6_000
CLIENTS = 32
SYMBOLS = 1_000
UPDATES_PER_SECOND = 10
SECONDS_OF_STREAM = 5
_VERSION = 178
_COMMISSION_REPORT, _TICK_PRICE = b"59\0", b"1\0"


def measure() -> dict[str, Any]:
    """All figures, each with a gateway of its own."""
    return {
        "one_client": _with_gateway(_trade_with, 1, ORDERS),
        "many_clients": _with_gateway(_trade_with, CLIENTS, ORDERS // CLIENTS),
        "stream": _with_gateway(_stream),
    }


def build() -> Exchange:
    """A thousand listings and one rich account."""
    clock = VirtualClock(datetime(2026, 11, 20, 17, tzinfo=UTC))
    listed = [Instrument(con_id=number, symbol=f"S{number}") for number in range(1, SYMBOLS + 1)]
    exchange = Exchange(clock=clock, instruments=listed)
    size = Decimal(1_000)
    for instrument in listed:
        quote = Quote(bid=Decimal("9.99"), ask=Decimal(10), bid_size=size, ask_size=size)
        exchange.set_quote(instrument.con_id, quote)
    exchange.open_account("DU1", cash={"USD": Decimal(10**9)})
    return exchange


# --- the gateway's process --------------------------------------------------------------------


def _serve(pipe: Connection) -> None:
    asyncio.run(_serve_until_told(pipe))


async def _serve_until_told(pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(pipe.fileno(), lambda: told.put_nowait(pipe.recv()))
    exchange = build()
    async with SimulatedGateway(exchange) as gateway:
        pipe.send(gateway.port)
        while (wanted := await told.get()) != "stop":
            pipe.send(await _update_quotes(exchange) if wanted == "stream" else time.process_time())
    loop.remove_reader(pipe.fileno())


async def _update_quotes(exchange: Exchange) -> dict[str, float]:
    """Change every quote ten times a second; how late the rounds were, and the time they took."""
    loop = asyncio.get_running_loop()
    rounds = SECONDS_OF_STREAM * UPDATES_PER_SECOND
    slices = 10
    latest = 0.0
    began, worked = loop.time(), time.process_time()
    for number in range(rounds * slices):
        due = began + number / (UPDATES_PER_SECOND * slices)
        await asyncio.sleep(max(0.0, due - loop.time()))
        latest = max(latest, loop.time() - due)
        bid = Decimal("9.99") + Decimal("0.01") * (number // slices % 7 + 1)
        for con_id in range(number % slices + 1, SYMBOLS + 1, slices):
            quote = exchange.quote(con_id)
            exchange.set_quote(con_id, replace(quote, bid=bid, ask=bid + 1, at=None))
    return {
        "seconds": round(loop.time() - began, 3),
        "processor_seconds": round(time.process_time() - worked, 3),
        "latest_update_ms": round(latest * 1000, 1),
    }


# --- the clients' process ---------------------------------------------------------------------


class Client:
    """A bare socket that has logged in."""

    def __init__(self, port: int, client_id: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._decoder = FrameDecoder()
        self._socket.sendall(CLIENT_PREFIX + encode_frame(b"v157..178"))
        self.send(request("startApi", clientId=client_id))
        self.wait_for(b"4\0", 3)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def fileno(self) -> int:
        return self._socket.fileno()

    def count(self, head: bytes) -> int:
        """How many messages that begin like this are in the next piece of what is heard."""
        return sum(payload.startswith(head) for payload in self._decoder.feed(self._read()))

    def wait_for(self, head: bytes, count: int) -> None:
        while count > 0:
            count -= self.count(head)

    def _read(self) -> bytes:
        data = self._socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the gateway closed the connection")
        return data


def request(name: str, **fields: Any) -> bytes:
    return encode_frame(encode_request(Message(name, fields), _VERSION))


def _with_gateway(run: Any, *arguments: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        found: dict[str, Any] = run(ours.recv(), ours, *arguments)
    finally:
        ours.send("stop")
        process.join()
    return found


def _trade_with(port: int, pipe: Connection, clients: int, orders: int) -> dict[str, Any]:
    """Every client sends all its orders at once and waits for the last commission report."""
    batches = [b"".join(_orders(orders)) for _ in range(clients)]
    everyone = [Client(port, number + 1) for number in range(clients)]
    worked = _ask(pipe, "processor")
    began = time.perf_counter()
    senders = [
        threading.Thread(target=client.send, args=(batch,))
        for client, batch in zip(everyone, batches, strict=True)
    ]
    for sender in senders:
        sender.start()
    _wait_for_all(everyone, orders)
    seconds = time.perf_counter() - began
    worked = _ask(pipe, "processor") - worked
    for sender in senders:
        sender.join()
    return {
        "clients": clients,
        "orders": clients * orders,
        "seconds": round(seconds, 3),
        "orders_per_second": round(clients * orders / seconds),
        "gateway_processor_seconds": round(worked, 3),
        "orders_per_processor_second": round(clients * orders / worked),
    }


def _ask(pipe: Connection, what: str) -> float:
    pipe.send(what)
    answer: float = pipe.recv()
    return answer


def _wait_for_all(clients: list[Client], orders: int) -> None:
    missing = dict.fromkeys(clients, orders)
    with selectors.DefaultSelector() as ready:
        for client in clients:
            ready.register(client, selectors.EVENT_READ)
        while missing:
            for key, _ in ready.select():
                heard: Any = key.fileobj
                missing[heard] -= heard.count(_COMMISSION_REPORT)
                if missing[heard] <= 0:
                    ready.unregister(heard)
                    del missing[heard]


def _orders(count: int) -> Iterator[bytes]:
    for number in range(1, count + 1):
        yield request(
            "placeOrder",
            orderId=number,
            conId=number % SYMBOLS + 1,
            exchange="SMART",
            action="BUY",
            totalQuantity=1,
            orderType="MKT",
            tif="DAY",
        )


def _stream(port: int, pipe: Connection) -> dict[str, Any]:
    """Bid and ask of every symbol change with each update: two prices and two sizes."""
    client = Client(port, 1)
    for con_id in range(1, SYMBOLS + 1):
        client.send(request("reqMktData", reqId=con_id, conId=con_id, exchange="SMART"))
    client.wait_for(_TICK_PRICE, 2 * SYMBOLS)
    updates = SYMBOLS * UPDATES_PER_SECOND * SECONDS_OF_STREAM
    pipe.send("stream")
    began = time.perf_counter()
    client.wait_for(_TICK_PRICE, 2 * updates)
    seconds = time.perf_counter() - began
    return {
        "symbols": SYMBOLS,
        "updates_per_second": round(updates / seconds),
        "last_tick_after_seconds": round(seconds, 3),
        "gateway": pipe.recv(),
    }


if __name__ == "__main__":
    print(json.dumps({"cores": os.cpu_count(), "load": os.getloadavg()[0], **measure()}))
