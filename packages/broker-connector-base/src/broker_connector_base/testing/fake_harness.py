"""The contract's harness over a scripted broker, and the pattern for a connector's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from broker_connector_base.base_client import BrokerClient
from broker_connector_base.order_states import OrderStatus

from .behaviour import FILLS, Fault, OnCancel
from .books import Books
from .fake_broker import FakeBroker
from .harness import ASK, BID, CASH, SHARES, BrokerHarness


class FakeHarness(BrokerHarness):
    """`client_type` is the session class under test."""

    account_id = "F1"
    other_account_id = "F2"
    symbols = ("AAA", "BBB")

    def __init__(self, client_type: type[FakeBroker] = FakeBroker) -> None:
        self._client_type = client_type
        self.books = Books()

    async def start(self) -> None:
        for symbol in (*self.symbols, self.class_share):
            self.books.add_instrument(symbol, bid=BID, ask=ASK)
        self.books.add_account(self.account_id, cash=CASH, shares={self.symbols[0]: SHARES})
        self.books.add_account(self.other_account_id, cash=CASH)

    async def stop(self) -> None:
        self.books.drop()

    def client(self, client_id: int = 1) -> BrokerClient:
        return self._client_type(self.books, client_id)

    async def set_quote(self, symbol: str, *, bid: Decimal | None, ask: Decimal | None) -> None:
        self.books.set_quote(symbol, bid=bid, ask=ask)

    async def market_takes(self, symbol: str, shares: int | None) -> None:
        self.books.script(symbol, replace(FILLS, fills=shares))
        self._rescript(symbol, fills=shares)
        quote = self.books.quotes[symbol]
        self.books.set_quote(symbol, bid=quote.bid, ask=quote.ask)

    async def fill_before_cancel(self, symbol: str) -> None:
        self._rescript(symbol, on_cancel=OnCancel.FILL_FIRST)

    def refused_order(self) -> tuple[str, Decimal, Decimal | None]:
        return self.symbols[0], Decimal(10), BID + Decimal("0.005")

    async def place_foreign_order(self, symbol: str, quantity: int, limit_price: Decimal) -> None:
        self.books.place_foreign_order(self.account_id, symbol, quantity, limit_price=limit_price)

    async def drop_connections(self) -> None:
        self.books.drop()

    async def drop_at_next_order(self) -> None:
        self.books.faults.append(Fault(method="place_order", after_sending=True))

    async def restart(self) -> None:
        self.books.drop(reason="the broker was restarted")

    async def published(self) -> None:
        """At once: the fake's view is its books."""

    async def keys_received(self) -> Sequence[str | None]:
        return [
            order.client_order_id
            for order in self.books.orders
            if order.status is not OrderStatus.REJECTED
        ]

    async def shares(self, symbol: str) -> Decimal:
        return self.books.accounts[self.account_id].shares.get(symbol, Decimal(0))

    async def cash(self) -> Decimal:
        return self.books.accounts[self.account_id].cash

    def _rescript(self, symbol: str, **changes: object) -> None:
        for order in self.books.orders:
            if order.symbol == symbol:
                order.behaviour = replace(order.behaviour, **changes)  # type: ignore[arg-type]
