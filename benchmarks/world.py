"""A gateway, an allocation service and a configured home directory to measure runs against.

The gateway is the simulator on a thread of its own, so an order's arrival is timed by the far side.
Every account holds half of the symbols too heavily and the other half too lightly, so that a
rebalance needs one order per symbol.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ibkr_simulator import SimulatedGateway
from simulated_exchange import Event, Exchange, Executed, Instrument, OrderChanged, Quote, WallClock

_STRATEGY = "benchmark"


@dataclass
class Arrivals:
    """When (monotonic seconds) the exchange saw each account's first order and last fill."""

    first_order: dict[str, float] = field(default_factory=dict)
    last_fill: dict[str, float] = field(default_factory=dict)
    orders: dict[str, set[int]] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, OrderChanged):
            account_id = event.order.request.account_id
            self.first_order.setdefault(account_id, now)
            self.orders.setdefault(account_id, set()).add(event.order.order_id)
        elif isinstance(event, Executed):
            self.last_fill[event.execution.request.account_id] = now


@dataclass(frozen=True, kw_only=True)
class World:
    """What a measurement needs to start account processes and to read off what they did."""

    home: Path
    port: int
    gateway: SimulatedGateway
    arrivals: Arrivals
    account_ids: tuple[str, ...]


@contextmanager
def world(home: Path, *, symbols: int, accounts: int) -> Iterator[World]:
    """A running far side, and the configuration that points at it, for the block."""
    names = [f"S{number:02d}" for number in range(symbols)]
    account_ids = tuple(f"DU{number:06d}" for number in range(accounts))
    arrivals = Arrivals()
    with _allocations(names) as url, _gateway(names, account_ids, arrivals) as gateway:
        _configure(home, gateway.port, url, account_ids)
        yield World(
            home=home,
            port=gateway.port,
            gateway=gateway,
            arrivals=arrivals,
            account_ids=account_ids,
        )


def _exchange(names: list[str], account_ids: tuple[str, ...]) -> Exchange:
    instruments = [Instrument(con_id=1000 + at, symbol=name) for at, name in enumerate(names)]
    exchange = Exchange(clock=WallClock(asyncio.get_running_loop()), instruments=instruments)
    size = Decimal(100_000)
    quote = Quote(
        bid=Decimal("99.99"),
        ask=Decimal("100.01"),
        last=Decimal(100),
        close=Decimal(100),
        bid_size=size,
        ask_size=size,
    )
    for instrument in instruments:
        exchange.set_quote(instrument.con_id, quote)
    for account_id in account_ids:
        exchange.open_account(
            account_id,
            cash={"USD": Decimal(10_000)},
            positions={
                instrument.con_id: (Decimal(150 if at % 2 else 50), Decimal(100))
                for at, instrument in enumerate(instruments)
            },
        )
    return exchange


@contextmanager
def _gateway(
    names: list[str], account_ids: tuple[str, ...], arrivals: Arrivals
) -> Iterator[SimulatedGateway]:
    loop = asyncio.new_event_loop()
    started: Future[SimulatedGateway] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        exchange = _exchange(names, account_ids)
        exchange.subscribe(arrivals.note)
        async with SimulatedGateway(exchange) as gateway:
            started.set_result(gateway)
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        yield started.result(timeout=10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)
        loop.close()


@contextmanager
def _allocations(names: list[str]) -> Iterator[str]:
    items = [{"symbol": name, "allocation": 1 / len(names)} for name in names]
    data: dict[str, Any] = {"allocations": items, "name": _STRATEGY, "as_of": "2026-11-20"}
    body = json.dumps({"status": "success", "data": data}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing: standard output is for the report."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def _configure(home: Path, port: int, url: str, account_ids: tuple[str, ...]) -> None:
    lines = ["TRADING_MODE=paper", "IB_HOST=127.0.0.1", f"IB_PORT={port}"]
    lines += [f"ALLOCATIONS_BASE_URL={url}", "ALLOCATIONS_API_KEY=benchmark"]
    (home / ".env").write_text("\n".join(lines) + "\n")
    accounts = [
        f"  - {{account_id: {account_id}, type: paper, strategy_name: {_STRATEGY}}}"
        for account_id in account_ids
    ]
    (home / "accounts.yaml").write_text("\n".join(["accounts:", *accounts]) + "\n")
    (home / "config.yaml").write_text("{}\n")
    (home / "replacement-sets.yaml").write_text("{}\n")
