"""The contract suite's harness: `PaperClient` on books in a directory of its own.

Comes in: what the suite wants of the market. Goes out: requests at the same books, made as anybody
else on them would. It needs a `VirtualTimeLoop`: "a moment before" is a delay shorter than the
market's latency.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from tempfile import TemporaryDirectory

from broker_connector_base import BrokerClient
from broker_connector_base.testing.harness import ASK, BID, CASH, SHARES, BrokerHarness
from broker_connector_base.testing.virtual_time import LoopClock
from paper_connector import PaperBroker, PaperClient, StandingQuotes
from simulated_exchange import (
    Exchange,
    FillPolicy,
    Instrument,
    LatencyModel,
    OrderRequest,
    OrderState,
    OrderType,
    Quote,
    Scenario,
    Side,
)

#: Seconds from a request to its arrival at the exchange, and a moment within them.
LATENCY = 0.05
MOMENT = 0.02

_SIZE = Decimal(1_000)

MakeClient = Callable[[int, PaperBroker], BrokerClient]


class PaperHarness(BrokerHarness):
    """`make_client` makes the sessions under test; orders of others carry no client."""

    account_id = "PAPER-1"
    other_account_id = "PAPER-2"
    symbols = ("AAA", "BBB")

    def __init__(self, make_client: MakeClient = PaperClient) -> None:
        self._make_client = make_client
        self._con_ids = dict(zip((*self.symbols, self.class_share), (1, 2, 3), strict=True))
        self._clients: list[BrokerClient] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._directory = TemporaryDirectory()
        self.broker = PaperBroker(
            self._directory.name, self._scenario, quotes=StandingQuotes(), now=LoopClock().now
        )
        nobody = _Nobody()
        await self.broker.enter(nobody)
        self.broker.leave(nobody)

    def _scenario(self) -> Scenario:
        return Scenario(
            name="contract",
            instruments=tuple(
                Instrument(con_id=n, symbol=symbol.replace(".", " "))
                for symbol, n in self._con_ids.items()
            ),
            quotes={con_id: _quote(BID, ASK) for con_id in self._con_ids.values()},
            latency=LatencyModel.fixed(LATENCY),
            accounts={
                self.account_id: {"cash": {"USD": CASH}, "positions": {1: (SHARES, Decimal(80))}},
                self.other_account_id: {"cash": {"USD": CASH}},
            },
        )

    async def stop(self) -> None:
        for client in self._clients:
            await client.disconnect()
        self._directory.cleanup()

    def client(self, client_id: int = 1) -> BrokerClient:
        client = self._make_client(client_id, self.broker)
        self._clients.append(client)
        return client

    async def set_quote(self, symbol: str, *, bid: Decimal | None, ask: Decimal | None) -> None:
        con_id, quote = self._con_ids[symbol], _quote(bid, ask)
        await self.broker.request(lambda exchange: exchange.set_quote(con_id, quote))

    async def market_takes(self, symbol: str, shares: int | None) -> None:
        sizes = (shares,) if shares else ()
        policy = None if shares is None else FillPolicy.partial(*sizes, stall=True)
        await self.broker.request(lambda exchange: exchange.set_fill_policy(symbol, policy))

    async def fill_before_cancel(self, symbol: str) -> None:
        self._in_a_moment(lambda: self.market_takes(symbol, None))

    def refused_order(self) -> tuple[str, Decimal, Decimal | None]:
        # More than the account holds, and it may not go short.
        return self.symbols[0], -SHARES - 1, None

    async def place_foreign_order(self, symbol: str, quantity: int, limit_price: Decimal) -> None:
        order = OrderRequest(
            account_id=self.account_id,
            con_id=self._con_ids[symbol],
            side=Side.BUY if quantity > 0 else Side.SELL,
            quantity=Decimal(abs(quantity)),
            order_type=OrderType.LMT,
            limit_price=limit_price,
        )
        await self.broker.request(lambda exchange: exchange.submit(order))

    async def drop_connections(self) -> None:
        self.broker.drop("the connection was dropped")

    async def drop_at_next_order(self) -> None:
        self._in_a_moment(self.drop_connections)

    async def restart(self) -> None:
        # What is not on the disk is forgotten with the last session.
        self.broker.drop("the broker was restarted")

    async def published(self) -> None:
        """At once: the account view is the books."""

    async def keys_received(self) -> Sequence[str | None]:
        def keys(exchange: Exchange) -> list[str | None]:
            orders = [*exchange.open_orders(), *exchange.completed_orders()]
            orders.sort(key=lambda order: order.order_id)
            taken = [order for order in orders if order.status is not OrderState.REJECTED]
            return [order.request.order_ref or None for order in taken]

        return await self.broker.ask(keys)

    async def shares(self, symbol: str) -> Decimal:
        def held(exchange: Exchange) -> Decimal:
            position = exchange.account(self.account_id).positions.get(self._con_ids[symbol])
            return Decimal(0) if position is None else position.quantity

        return await self.broker.ask(held)

    async def cash(self) -> Decimal:
        return await self.broker.ask(lambda e: e.account(self.account_id).cash["USD"])

    def _in_a_moment(self, act: Callable[[], Coroutine[None, None, None]]) -> None:
        def begin() -> None:
            task = asyncio.ensure_future(act())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        asyncio.get_running_loop().call_later(MOMENT, begin)


class _Nobody:
    """Opens the books and leaves."""

    def look(self, exchange: Exchange) -> None:
        """Sees nothing."""

    def lose(self, reason: str) -> None:
        """Loses nothing."""


def _quote(bid: Decimal | None, ask: Decimal | None) -> Quote:
    return Quote(
        bid=bid,
        ask=ask,
        bid_size=_SIZE if bid else Decimal(0),
        ask_size=_SIZE if ask else Decimal(0),
    )
