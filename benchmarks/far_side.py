"""The far side of a measured run, in a process of its own: a gateway and an allocation service.

Every account holds half of the symbols too heavily and the other half too lightly, so that a
rebalance needs one order per symbol. The process notes when orders arrive at the exchange, on the
monotonic clock that all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

from ibkr_simulator import SimulatedGateway
from simulated_exchange import (
    Event,
    Exchange,
    Executed,
    FillPolicy,
    Instrument,
    OrderChanged,
    Quote,
    WallClock,
)


@dataclass(kw_only=True)
class Arrivals:
    """What the exchange has seen so far, by account."""

    #: Monotonic seconds of the first order's arrival.
    first_order: dict[str, float] = field(default_factory=dict)
    orders: dict[str, set[int]] = field(default_factory=dict)
    #: Signed shares of every execution, by contract.
    executed: dict[str, dict[int, list[Decimal]]] = field(default_factory=dict)
    max_messages_per_second: int = 0

    def note(self, event: Event) -> None:
        if isinstance(event, Executed):
            fill = event.execution
            of_account = self.executed.setdefault(fill.request.account_id, {})
            of_account.setdefault(fill.request.con_id, []).append(fill.signed_quantity)
        elif isinstance(event, OrderChanged):
            account_id = event.order.request.account_id
            self.first_order.setdefault(account_id, time.monotonic())
            self.orders.setdefault(account_id, set()).add(event.order.order_id)


#: Told on the control pipe: from now on every order fills a little at once and the rest later.
SLOW_FILLS = "slow fills"
_SLOW = FillPolicy.partial(5, gap=0.5)


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the far side listens."""

    gateway_port: int
    allocations_url: str


def serve(control: Connection, strategy: str, symbols: int, account_ids: Sequence[str]) -> None:
    """Tell the address, then answer every message on `control` with `Arrivals`, until it closes."""
    asyncio.run(_serve(control, strategy, [f"S{n:02d}" for n in range(symbols)], account_ids))


async def _serve(
    control: Connection, strategy: str, names: list[str], account_ids: Sequence[str]
) -> None:
    loop = asyncio.get_running_loop()
    closed = asyncio.Event()
    arrivals = Arrivals()
    exchange = _exchange(names, account_ids)
    exchange.subscribe(arrivals.note)

    def answer() -> None:
        try:
            told = control.recv()
        except EOFError:
            loop.remove_reader(control.fileno())
            closed.set()
            return
        if told == SLOW_FILLS:
            exchange.fill_policy = _SLOW
        arrivals.max_messages_per_second = gateway.statistics.max_messages_per_second
        control.send(arrivals)

    async with SimulatedGateway(exchange) as gateway, _allocations(strategy, names) as url:
        loop.add_reader(control.fileno(), answer)
        control.send(Address(gateway_port=gateway.port, allocations_url=url))
        await closed.wait()


def _exchange(names: list[str], account_ids: Sequence[str]) -> Exchange:
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
            # What a cash account sells is spent on another day.
            margin=True,
            positions={
                instrument.con_id: (Decimal(150 if at % 2 else 50), Decimal(100))
                for at, instrument in enumerate(instruments)
            },
        )
    return exchange


@asynccontextmanager
async def _allocations(strategy: str, names: list[str]) -> AsyncIterator[str]:
    """An allocation service that knows one answer; it must not compete with the gateway."""
    items = [{"symbol": name, "allocation": 1 / len(names)} for name in names]
    data: dict[str, Any] = {"allocations": items, "name": strategy, "as_of": "2026-11-20"}
    body = json.dumps({"status": "success", "data": data}).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    answer = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
