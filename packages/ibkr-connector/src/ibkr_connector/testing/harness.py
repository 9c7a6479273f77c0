"""The contract suite's harness: `IBKRClient` against the simulated gateway, behind a tap."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal

from broker_connector_base import BrokerClient
from broker_connector_base.testing.harness import ASK, BID, CASH, SHARES, BrokerHarness
from ibkr_connector import IBKRClient
from ibkr_simulator import SimulatedGateway
from simulated_exchange import (
    Exchange,
    FillPolicy,
    Order,
    OrderRequest,
    OrderState,
    OrderType,
    Quote,
    Side,
    WallClock,
)

from .tap import Fields, Tap
from .world import stock

_PLACE_ORDER, _CANCEL_ORDER = 3, 4
_SIZE = Decimal(1_000)


class SimulatorHarness(BrokerHarness):
    """Everything in one event loop; orders of others carry no client."""

    account_id = "DU100"
    other_account_id = "DU200"
    symbols = ("AAA", "BBB")

    def __init__(self) -> None:
        self._con_ids = dict(zip((*self.symbols, self.class_share), (1, 2, 3), strict=True))
        self._stack = AsyncExitStack()
        self._clients: list[IBKRClient] = []

    async def start(self) -> None:
        self._exchange = Exchange(
            clock=WallClock(asyncio.get_running_loop()),
            instruments=[
                stock(con_id, symbol.replace(".", " ")) for symbol, con_id in self._con_ids.items()
            ],
        )
        for symbol in self._con_ids:
            await self.set_quote(symbol, bid=BID, ask=ASK)
        self._exchange.open_account(
            self.account_id, cash={"USD": CASH}, positions={1: (SHARES, Decimal(80))}
        )
        self._exchange.open_account(self.other_account_id, cash={"USD": CASH})
        self._gateway = SimulatedGateway(self._exchange)
        await self._gateway.start()
        self._tap = await self._stack.enter_async_context(Tap(self._gateway.port))

    async def stop(self) -> None:
        for client in self._clients:
            await client.disconnect()
        await self._stack.aclose()
        await self._gateway.stop()

    def client(self, client_id: int = 1) -> BrokerClient:
        client = IBKRClient(client_id, port=self._tap.port, acknowledgement_timeout_seconds=1)
        self._clients.append(client)
        return client

    async def set_quote(self, symbol: str, *, bid: Decimal | None, ask: Decimal | None) -> None:
        self._exchange.set_quote(
            self._con_ids[symbol],
            Quote(
                bid=bid,
                ask=ask,
                bid_size=_SIZE if bid else Decimal(0),
                ask_size=_SIZE if ask else Decimal(0),
            ),
        )

    async def market_takes(self, symbol: str, shares: int | None) -> None:
        sizes = (shares,) if shares else ()
        policy = None if shares is None else FillPolicy.partial(*sizes, stall=True)
        self._exchange.set_fill_policy(symbol, policy)

    async def fill_before_cancel(self, symbol: str) -> None:
        def fill(_: Fields) -> None:
            self._exchange.set_fill_policy(symbol, None)

        self._tap.on_request(_CANCEL_ORDER, fill)

    def refused_order(self) -> tuple[str, Decimal, Decimal | None]:
        # More than the account holds, and it may not go short.
        return self.symbols[0], -SHARES - 1, None

    async def place_foreign_order(self, symbol: str, quantity: int, limit_price: Decimal) -> None:
        self._exchange.submit(
            OrderRequest(
                account_id=self.account_id,
                con_id=self._con_ids[symbol],
                side=Side.BUY if quantity > 0 else Side.SELL,
                quantity=Decimal(abs(quantity)),
                order_type=OrderType.LMT,
                limit_price=limit_price,
            )
        )

    async def drop_connections(self) -> None:
        self._tap.drop()

    async def drop_at_next_order(self) -> None:
        self._tap.on_request(_PLACE_ORDER, lambda _: self._tap.hang_up())

    async def restart(self) -> None:
        await self._gateway.stop()
        state = self._exchange.save()
        self._exchange = Exchange.restore(state, clock=self._exchange.clock)
        self._gateway = SimulatedGateway(self._exchange)
        await self._gateway.start()
        self._tap.target = self._gateway.port

    async def published(self) -> None:
        return None

    async def keys_received(self) -> Sequence[str | None]:
        orders: list[Order] = [*self._exchange.open_orders(), *self._exchange.completed_orders()]
        orders.sort(key=lambda order: order.order_id)
        return [
            order.request.order_ref or None
            for order in orders
            if order.status is not OrderState.REJECTED
        ]

    async def shares(self, symbol: str) -> Decimal:
        position = self._exchange.account(self.account_id).positions.get(self._con_ids[symbol])
        return Decimal(0) if position is None else position.quantity

    async def cash(self) -> Decimal:
        return self._exchange.account(self.account_id).cash["USD"]
