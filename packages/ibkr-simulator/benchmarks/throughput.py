"""How much one gateway carries: `python packages/ibkr-simulator/benchmarks/throughput.py`.

Prints one JSON object: market orders placed and filled in a second by one client without a
throttle, the same by 32 clients that stream quotes meanwhile, and how late a stream of 1,000
symbols at 10 updates a second each arrives. The gateway and each kind of client are processes of
their own, and the processor time of both sides is told: a bare socket shows what the gateway can
do, `ib_async` what a real client makes of it (its own work for an order is the greater part).
"""

import asyncio
import gc
import json
import multiprocessing
import os
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

from ibkr_simulator import SimulatedGateway
from ibkr_simulator.codec import Message, encode_request
from ibkr_simulator.frames import CLIENT_PREFIX, FrameDecoder, encode_frame
from ibkr_simulator.server import settle_memory
from simulated_exchange import Exchange, Instrument, Quote, WallClock

ORDERS = 6_000
CLIENTS = 32
STREAMS_OF_EACH = 10
SYMBOLS = 1_000
UPDATES_PER_SECOND = 10
SECONDS_OF_STREAM = 5
_VERSION = 178
_COMMISSION_REPORT, _TICK_PRICE, _BID = b"59\0", b"1\0", b"1"
_BID_PRICE = Decimal("9.99")
#: parts of a tenth of a second in which quotes change, so that they do not all come at once
_SLICES = 10


def measure() -> dict[str, Any]:
    """All figures, each with a gateway of its own."""
    return {
        "one_client": _with_gateway(_trade, 1, ORDERS, 0),
        "one_client_ib_async": _with_gateway(_trade_as_ib_async, ORDERS),
        "many_clients": _with_gateway(_trade, CLIENTS, ORDERS // CLIENTS, STREAMS_OF_EACH),
        "stream": _with_gateway(_stream),
    }


# --- the gateway's process --------------------------------------------------------------------


def _serve(pipe: Connection) -> None:
    asyncio.run(_serve_until_told(pipe))


async def _serve_until_told(pipe: Connection) -> None:
    """Answer each line of the pipe: `used` with processor seconds, `stream` when it is over."""
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[tuple[str, int, int]] = asyncio.Queue()
    loop.add_reader(pipe.fileno(), lambda: told.put_nowait(pipe.recv()))
    exchange = build(WallClock(loop))
    settle_memory()
    pauses = _Pauses()
    streaming: asyncio.Task[dict[str, float]] | None = None
    async with SimulatedGateway(exchange) as gateway:
        pipe.send(gateway.port)
        while True:
            wanted, symbols, seconds = await told.get()
            match wanted:
                case "used":
                    pipe.send((time.process_time(), pauses.longest))
                case "start":
                    streaming = asyncio.create_task(_update_quotes(exchange, symbols, seconds))
                case "wait" if streaming is not None:
                    pipe.send(await streaming)
                case _:
                    break
        if streaming is not None:
            streaming.cancel()
    loop.remove_reader(pipe.fileno())


def build(clock: WallClock) -> Exchange:
    """A thousand listings and one rich account."""
    listed = [Instrument(con_id=number, symbol=f"S{number}") for number in range(1, SYMBOLS + 1)]
    exchange = Exchange(clock=clock, instruments=listed)
    size = Decimal(1_000)
    for instrument in listed:
        quote = Quote(bid=_BID_PRICE, ask=Decimal(10), bid_size=size, ask_size=size)
        exchange.set_quote(instrument.con_id, quote)
    exchange.open_account("DU1", cash={"USD": Decimal(10**9)})
    return exchange


class _Pauses:
    """How long the longest collection of garbage has taken."""

    def __init__(self) -> None:
        self.longest = self._began = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._began = now
        else:
            self.longest = max(self.longest, now - self._began)


async def _update_quotes(exchange: Exchange, symbols: int, seconds: int) -> dict[str, float]:
    """Change every quote ten times a second, its bid's size being the microsecond (of the clock
    that all processes share); how late the updates were."""
    loop = asyncio.get_running_loop()
    latest = 0.0
    began, worked = loop.time(), time.process_time()
    for number in range(seconds * UPDATES_PER_SECOND * _SLICES):
        due = began + number / (UPDATES_PER_SECOND * _SLICES)
        await asyncio.sleep(max(0.0, due - loop.time()))
        latest = max(latest, loop.time() - due)
        bid = _BID_PRICE + Decimal("0.01") * (number // _SLICES % 7 + 1)
        for con_id in range(number % _SLICES + 1, symbols + 1, _SLICES):
            quote, now = exchange.quote(con_id), Decimal(int(time.monotonic() * 1e6))
            changed = replace(quote, bid=bid, ask=bid + 1, bid_size=now, at=None)
            exchange.set_quote(con_id, changed)
    return {
        "seconds": round(loop.time() - began, 3),
        "gateway_processor_seconds": round(time.process_time() - worked, 3),
        "latest_update_ms": round(latest * 1000, 1),
    }


class _Gateway:
    """The process, as the measuring side sees it."""

    def __init__(self, port: int, pipe: Connection) -> None:
        self.port = port
        self._pipe = pipe

    def start_stream(self, symbols: int, seconds: int) -> None:
        self._pipe.send(("start", symbols, seconds))

    def stream_ended(self) -> dict[str, float]:
        self._pipe.send(("wait", 0, 0))
        found: dict[str, float] = self._pipe.recv()
        return found

    def used(self) -> tuple[float, float]:
        """Processor seconds so far, and the longest collection of garbage."""
        self._pipe.send(("used", 0, 0))
        found: tuple[float, float] = self._pipe.recv()
        return found


def _with_gateway(run: Callable[..., dict[str, Any]], *arguments: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        return run(_Gateway(ours.recv(), ours), *arguments)
    finally:
        ours.send(("stop", 0, 0))
        process.join()


# --- bare sockets -----------------------------------------------------------------------------


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

    def stream(self, con_ids: range) -> None:
        for con_id in con_ids:
            self.send(request("reqMktData", reqId=con_id, conId=con_id, exchange="SMART"))
        self.wait_for(_TICK_PRICE, 2 * len(con_ids))

    def count(self, head: bytes) -> int:
        """How many messages that begin like this are in the next piece of what is heard."""
        return sum(payload.startswith(head) for payload in self.heard())

    def wait_for(self, head: bytes, count: int) -> None:
        while count > 0:
            count -= self.count(head)

    def heard(self) -> Iterator[bytes]:
        data = self._socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the gateway closed the connection")
        return self._decoder.feed(data)


def request(name: str, **fields: Any) -> bytes:
    return encode_frame(encode_request(Message(name, fields), _VERSION))


def orders(count: int) -> Iterator[bytes]:
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


def _trade(gateway: _Gateway, clients: int, count: int, streams: int) -> dict[str, Any]:
    """Every client sends all its orders at once and waits for the last commission report."""
    batches = [b"".join(orders(count)) for _ in range(clients)]
    everyone = [Client(gateway.port, number + 1) for number in range(clients)]
    for number, client in enumerate(everyone):
        client.stream(range(number * streams + 1, (number + 1) * streams + 1))
    if streams:
        gateway.start_stream(clients * streams, 60)
    senders = [
        threading.Thread(target=client.send, args=(batch,))
        for client, batch in zip(everyone, batches, strict=True)
    ]
    (before, _), own, began = gateway.used(), time.process_time(), time.perf_counter()
    for sender in senders:
        sender.start()
    _wait_for_all(everyone, count)
    seconds, own = time.perf_counter() - began, time.process_time() - own
    for sender in senders:
        sender.join()
    worked, pause = gateway.used()
    found = _rates(clients * count, seconds, worked - before, own)
    found["longest_collection_ms"] = round(pause * 1000, 1)
    if streams:
        found["quotes_per_second_meanwhile"] = clients * streams * UPDATES_PER_SECOND
    return {"clients": clients, **found}


def _wait_for_all(clients: list[Client], count: int) -> None:
    missing = dict.fromkeys(clients, count)
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


def _rates(count: int, seconds: float, gateway: float, client: float) -> dict[str, Any]:
    return {
        "orders": count,
        "seconds": round(seconds, 3),
        "orders_per_second": round(count / seconds),
        "gateway_processor_seconds": round(gateway, 3),
        "orders_per_gateway_processor_second": round(count / gateway),
        "client_processor_seconds": round(client, 3),
    }


def _stream(gateway: _Gateway) -> dict[str, Any]:
    """Bid and ask of every symbol change with each update: two prices and two sizes."""
    client = Client(gateway.port, 1)
    client.stream(range(1, SYMBOLS + 1))
    missing = SYMBOLS * UPDATES_PER_SECOND * SECONDS_OF_STREAM
    gateway.start_stream(SYMBOLS, SECONDS_OF_STREAM)
    lags: list[float] = []
    own, began = time.process_time(), time.perf_counter()
    while missing > 0:
        payloads = list(client.heard())
        now = time.monotonic() * 1e6
        for payload in payloads:
            if payload.startswith(_TICK_PRICE):
                _, _, _, tick_type, _, size, *_ = payload.split(b"\0")
                if tick_type == _BID:
                    missing -= 1
                    lags.append((now - int(size)) / 1000)
    seconds, own = time.perf_counter() - began, time.process_time() - own
    percentiles = statistics.quantiles(lags, n=100)
    return {
        "symbols": SYMBOLS,
        "updates_per_second": round(len(lags) / seconds),
        "lag_ms": {
            "p50": round(percentiles[49], 1),
            "p99": round(percentiles[98], 1),
            "max": round(max(lags), 1),
            "last_second_p50": round(statistics.median(lags[-SYMBOLS * UPDATES_PER_SECOND :]), 1),
        },
        "client_processor_seconds": round(own, 3),
        **gateway.stream_ended(),
    }


# --- ib_async ---------------------------------------------------------------------------------


def _trade_as_ib_async(gateway: _Gateway, count: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_be_ib_async, args=(gateway.port, count, theirs))
    process.start()
    ours.recv()
    before, _ = gateway.used()
    ours.send("go")
    seconds, own = ours.recv()
    worked, _ = gateway.used()
    process.join()
    return _rates(count, seconds, worked - before, own)


def _be_ib_async(port: int, count: int, pipe: Connection) -> None:
    asyncio.run(_trade_in_loop(port, count, pipe))


async def _trade_in_loop(port: int, count: int, pipe: Connection) -> None:
    from ib_async import IB, MarketOrder, Stock

    ib = IB()
    ib.client.MaxRequests = 0
    await ib.connectAsync("127.0.0.1", port, clientId=1, account="DU1")
    contracts = [Stock(f"S{number}", "SMART", "USD", conId=number) for number in range(1, 101)]
    everything = asyncio.Event()
    left = count

    def note(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            everything.set()

    ib.commissionReportEvent += note
    pipe.send("ready")
    pipe.recv()
    own, began = time.process_time(), time.perf_counter()
    for number in range(count):
        ib.placeOrder(contracts[number % 100], MarketOrder("BUY", 1))
        if number % 50 == 0:
            await asyncio.sleep(0)
    await everything.wait()
    pipe.send((time.perf_counter() - began, time.process_time() - own))
    ib.disconnect()


if __name__ == "__main__":
    print(json.dumps({"cores": os.cpu_count(), "load": os.getloadavg()[0], **measure()}))
