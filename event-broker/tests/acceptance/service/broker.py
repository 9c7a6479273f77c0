"""The far side: a gateway with its exchange, and Ably, in a thread of the test's own process.

The service finds the gateway as it finds the simulator of another process: by the ready file.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ably_standin import AblyStandin, Limits
from ibkr_simulator import SimulatedGateway
from ibkr_simulator.control import ControlServer
from ibkr_simulator.transcript import Recorder
from simulated_exchange import Exchange, FillPolicy, Order, Side, WallClock

from .market import open_market
from .news import News
from .stores import Records
from .witness import Witness

T = TypeVar("T")
#: More than the ten seconds that a WebSocket server gives a client for its goodbye.
_FAREWELL = 30.0

Frame = Mapping[str, Any]


class LoopThread:
    """An event loop that runs beside the test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="far-side", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_FAREWELL)

    def do(self, work: Callable[[], T]) -> T:
        """Call on the loop, as everything that belongs to it wants to be."""

        async def call() -> T:
            return work()

        return self.run(call())

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_FAREWELL)
        self._loop.close()


class _Frames(StringIO):
    """The recorder's file: every line is a frame, told at once on the loop's thread."""

    def __init__(self, heard: Callable[[Frame], None]) -> None:
        super().__init__()
        self._heard = heard

    def write(self, line: str) -> int:
        self._heard(json.loads(line))
        return len(line)


class Request(NamedTuple):
    """A message of a client."""

    #: None before it has logged in.
    client_id: int | None
    name: str
    fields: frozenset[str]


class Broker:
    """A gateway, the market behind it, and what can be seen of both."""

    def __init__(
        self, thread: LoopThread, accounts: Mapping[str, str], home: Path, journals: Records
    ) -> None:
        """`accounts` are ids with their strategies; `home` is the service's."""
        self._thread = thread
        self._accounts = accounts
        self._journals = journals
        self.news = News()
        #: Requests of clients in order.
        self.requests: list[Request] = []
        self._clients: dict[int, int] = {}
        self._stack = AsyncExitStack()
        thread.run(self._open())
        self.be_found_from(home)

    async def _open(self) -> None:
        clock = WallClock(asyncio.get_running_loop())
        self.exchange: Exchange = open_market(clock, self._accounts)
        self.witness = Witness(self.exchange, self._journals)
        self.exchange.subscribe(lambda _: self.news.tell())
        recorder = Recorder(_Frames(self._heard))
        self._gateway = SimulatedGateway(self.exchange, pacing=True, recorder=recorder)
        await self._stack.enter_async_context(self._gateway)
        self._ably = AblyStandin(limits=Limits(max_idle_interval=1000))
        await self._stack.enter_async_context(self._ably)
        control = ControlServer(
            self._gateway, port=0, save=_nothing, stop=lambda: None, exit_when_unused=False
        )
        await self._stack.enter_async_context(control)
        self._control_port = control.port

    def be_found_from(self, home: Path) -> None:
        """Let services of this home find the gateway."""
        ready = home / "data" / "simulator" / "ready.json"
        ready.parent.mkdir(parents=True)
        ready.write_text(json.dumps({"host": "127.0.0.1", "control_port": self._control_port}))

    def _heard(self, frame: Frame) -> None:
        if frame["direction"] == "request":
            self._note_request(frame["name"], frame["connection"], frame.get("fields", []))
        self.news.tell()

    def _note_request(self, name: str, connection: int, fields: list[str]) -> None:
        if name == "startApi":
            self._clients[connection] = int(fields[2])
        self.requests.append(Request(self._clients.get(connection), name, frozenset(fields)))

    @property
    def ably_endpoint(self) -> str:
        return self._ably.endpoint

    def do(self, work: Callable[[], T]) -> T:
        """Call on the far side's thread."""
        return self._thread.do(work)

    def ask(self, question: Callable[[Witness, str], T], account_id: str) -> T:
        """Ask the witness about an account."""
        return self.do(lambda: question(self.witness, account_id))

    def ably(self, control: Callable[[AblyStandin], T]) -> T:
        """Use one of Ably's controls."""
        return self.do(lambda: control(self._ably))

    def let_fail(self, **rule: object) -> None:
        """Set a fault of the gateway."""
        self.do(lambda: self._gateway.faults.add(rule))

    def mend(self) -> None:
        """Take all faults of the gateway back."""
        self.do(self._gateway.faults.clear)

    def let_fill(self, symbol: str, policy: FillPolicy | None) -> None:
        self.do(lambda: self.exchange.set_fill_policy(symbol, policy))

    def orders(self, side: Side | None = None) -> list[Order]:
        """All orders there ever were, oldest first."""
        orders = self.do(lambda: list(self.witness.orders.values()))
        return [order for order in orders if side in (None, order.request.side)]

    def until_ordered(self, account_id: str, side: Side) -> None:
        """Wait until both orders of this side, as every account has them, are at the exchange."""
        self.until(lambda: [o.request.account_id for o in self.orders(side)].count(account_id) >= 2)

    def runs_with_orders(self, account_id: str) -> set[str]:
        """The runs that have ordered anything for the account, by what order references say."""
        references = [order.request.order_ref.split(":") for order in self.orders()]
        return {run for _, run, account, *_ in references if account == account_id}

    def has_asked(self, client_id: int, name: str, *fields: str) -> bool:
        """Whether a client has sent such a message."""
        return any(
            (request.client_id, request.name) == (client_id, name)
            and request.fields.issuperset(fields)
            for request in self.requests
        )

    def until(self, look: Callable[[], T]) -> T:
        """Wait for something at the exchange or on the wire."""
        return self.news.until(look, lambda: self.requests[-20:])

    def close(self) -> None:
        self._thread.run(self._stack.aclose())


async def _nothing() -> None:
    """Nothing is kept."""
