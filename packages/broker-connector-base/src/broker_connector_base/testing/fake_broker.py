"""A `BrokerClient` in memory over scripted `Books`, for tests of everything above connectors.

Comes in: the calls of one session. Goes out: answers and events from the books. It promises no more
than the interface does: events may come before the acknowledgement, a cancellation takes effect
after `cancel_order` returned, and keys are remembered by the session alone, so a caller that
resends after a crash buys twice here as it would at a real broker.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal

from broker_connector_base.base_client import BrokerClient
from broker_connector_base.exceptions import (
    AccountNotFound,
    BrokerConnectionError,
    OrderExecutionError,
    OrderOutcomeUnknown,
    UnknownSymbol,
)
from broker_connector_base.models import (
    AccountSnapshot,
    ContractPrice,
    Fill,
    Instrument,
    OpenOrder,
    OrderEvent,
    OrderResult,
)
from broker_connector_base.order_states import OrderStatus

from .behaviour import Arrival, Fault
from .books import Books
from .ledger import BookOrder
from .subscription import Subscription


class FakeBroker(BrokerClient):
    """One session with the books' broker; make several for several client ids or reconnects."""

    def __init__(
        self, books: Books, client_id: int = 1, *, acknowledgement_timeout_seconds: float = 10
    ) -> None:
        self._books = books
        self._client_id = client_id
        self._acknowledgement_timeout = acknowledgement_timeout_seconds
        self._over: asyncio.Event | None = None
        self._heard_at = -math.inf
        self._subscriptions: list[Subscription] = []
        #: What each key of this session was sent as; None: handed over, and no word since.
        self._sent: dict[str, BookOrder | None] = {}

    @property
    def client_id(self) -> int:
        return self._client_id

    # --- the session ---------------------------------------------------------------------------

    async def connect(self) -> bool:
        if self.is_connected():
            return True
        await asyncio.sleep(0)
        fault = self._books.fault_at("connect")
        if fault is not None:
            self._strike(fault, "the broker cannot be reached; nothing was sent")
        self._books.log_in(self)
        self._over = asyncio.Event()
        self._listen()
        return True

    async def disconnect(self) -> None:
        if self.is_connected():
            self.lose("this side closed the session")

    def is_connected(self) -> bool:
        return self._over is not None and not self._over.is_set()

    def last_heard(self) -> float:
        return self._heard_at

    def hear(self, account_id: str | None, event: OrderEvent) -> None:
        self._listen()
        for subscription in self._subscriptions:
            if account_id in (None, subscription.account_id):
                subscription.put(event)

    def lose(self, reason: str) -> None:
        if self._over is not None:
            self._over.set()
        self._books.log_out(self)
        for subscription in self._subscriptions:
            subscription.put(BrokerConnectionError(reason))

    # --- accounts and markets ------------------------------------------------------------------

    async def get_accounts(self) -> list[str]:
        async with self._question("get_accounts"):
            return list(self._books.accounts)

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        async with self._question("get_account_snapshot"):
            self._require_account(account_id)
            return self._books.accounts[account_id].read(self._books.mark, self._books.now())

    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        async with self._question("get_multiple_market_prices"):
            quotes = self._books.quotes
            return [
                quotes.get(symbol, ContractPrice(symbol=symbol))
                for symbol in map(self._known, symbols)
            ]

    async def get_instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        async with self._question("get_instruments"):
            return [self._books.instruments[self._known(symbol)] for symbol in symbols]

    # --- orders --------------------------------------------------------------------------------

    async def place_order(
        self,
        account_id: str,
        symbol: str,
        quantity: Decimal | int,
        order_type: str = "MARKET",
        price: Decimal | None = None,
        *,
        client_order_id: str | None = None,
        time_in_force: str = "DAY",
    ) -> OrderResult:
        if client_order_id is not None and client_order_id in self._sent:
            return self._answer(self._sent[client_order_id], client_order_id)
        fault = self._begin("place_order")
        self._require_account(account_id)
        _check_order(self._known(symbol), quantity, order_type, price)
        order = BookOrder(
            order_id=self._books.next_order_id(),
            client_id=self._client_id,
            account_id=account_id,
            symbol=symbol,
            quantity=Decimal(quantity),
            order_type=order_type,
            behaviour=self._books.next_behaviour(symbol),
            limit_price=price,
            time_in_force=time_in_force,
            client_order_id=client_order_id,
        )
        return await self._hand_over(order, fault)

    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        async with self._question("get_open_orders"):
            self._require_account(account_id)
            return [
                order.as_open(seen_by=self._client_id)
                for order in self._books.orders
                if order.account_id == account_id and order.status.is_live
            ]

    async def cancel_order(self, order_id: str) -> None:
        fault = self._begin("cancel_order")
        order = self._own(order_id)
        if order is None:
            raise OrderExecutionError(
                f"order {order_id} does not belong to client {self._client_id}; nothing was sent"
            )
        # The broker reacts when this call has returned, as one at the end of a wire would.
        asyncio.get_running_loop().call_soon(self._books.cancel, order)
        self._finish("cancel_order", fault)

    async def get_order_status(self, order_id: str) -> OrderStatus:
        async with self._question("get_order_status"):
            if not order_id.isdigit():
                return OrderStatus.ERROR
            order = self._own(order_id)
            return order.status if order else OrderStatus.NOT_FOUND

    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        async with self._question("find_order"):
            self._require_account(account_id)
            found = [
                order.result()
                for order in self._books.orders_of_today(account_id)
                if order.client_order_id == client_order_id
            ]
            return found[0] if found else None

    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        async with self._question("get_executions"):
            self._require_account(account_id)
            today = self._books.executions_of_today(account_id)
            return [fill for fill in today if since is None or fill.at >= since]

    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        fault = self._begin("order_events")
        self._require_account(account_id)
        subscription = Subscription(account_id)
        if self._books.outage is not None:
            subscription.put(self._books.outage)
        self._subscriptions.append(subscription)
        try:
            self._finish("order_events", fault)
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    # --- inside --------------------------------------------------------------------------------

    def _listen(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()

    def _begin(self, method: str) -> Fault | None:
        """Count the call; raise what keeps it from being sent."""
        fault = self._books.fault_at(method)
        if fault is not None and not fault.after_sending:
            self._strike(fault, f"the session was lost before {method} was sent")
        if not self.is_connected():
            raise BrokerConnectionError(f"not connected: {method} was not sent; connect first")
        return fault

    def _finish(self, method: str, fault: Fault | None, *, unknown: str | None = None) -> None:
        """Raise what keeps the answer from arriving; for an order that means an unknown fate."""
        if fault is None:
            return
        try:
            self._strike(fault, f"the session was lost before {method} was answered")
        except BrokerConnectionError as lost:
            if unknown is None:
                raise
            raise OrderOutcomeUnknown(
                f"{lost}: the order may be working", client_order_id=unknown
            ) from lost

    def _strike(self, fault: Fault, reason: str) -> None:
        if fault.error is not None:
            raise fault.error
        self.lose(reason)
        raise BrokerConnectionError(reason)

    @asynccontextmanager
    async def _question(self, method: str) -> AsyncIterator[None]:
        """A call that changes nothing at the broker."""
        fault = self._begin(method)
        await asyncio.sleep(0)
        if not self.is_connected():
            raise BrokerConnectionError(f"the session was lost before {method} was answered")
        yield
        self._finish(method, fault)
        self._listen()

    async def _hand_over(self, order: BookOrder, fault: Fault | None) -> OrderResult:
        """Send the order at once, then wait for its acknowledgement."""
        arrival, key = order.behaviour.arrival, order.client_order_id
        arrived = arrival is not Arrival.SWALLOWED
        if key is not None:
            self._sent[key] = order if arrived else None
        if arrived:
            self._books.receive(order)
        self._finish("place_order", fault, unknown=key or "")
        if arrival in (Arrival.SWALLOWED, Arrival.ACKNOWLEDGEMENT_LOST):
            await self._wait_in_vain(key, order.order_id)
        await asyncio.sleep(0)
        return self._answer(order, key)

    async def _wait_in_vain(self, client_order_id: str | None, order_id: str) -> None:
        """Wait for an acknowledgement that does not come, at most until the session ends."""
        assert self._over is not None
        why = "the session was lost after sending"
        try:
            async with asyncio.timeout(self._acknowledgement_timeout):
                await self._over.wait()
        except TimeoutError:
            why = f"no acknowledgement within {self._acknowledgement_timeout} s"
        raise OrderOutcomeUnknown(
            f"{why}: the order may be working, filled or lost; look it up before sending another",
            client_order_id=client_order_id or "",
            order_id=order_id,
        )

    def _answer(self, order: BookOrder | None, client_order_id: str | None) -> OrderResult:
        if order is None:
            raise OrderOutcomeUnknown(
                f"{client_order_id} was sent before and never answered; nothing was sent now",
                client_order_id=client_order_id or "",
            )
        if order.status is OrderStatus.REJECTED:
            raise OrderExecutionError(f"{order.symbol}: {order.message}", code=order.code)
        return order.result()

    def _own(self, order_id: str) -> BookOrder | None:
        wanted = (order_id, self._client_id)
        orders = self._books.orders
        return next((o for o in orders if (o.order_id, o.client_id) == wanted), None)

    def _known(self, symbol: str) -> str:
        if symbol not in self._books.instruments:
            raise UnknownSymbol(f"no instrument answers to {symbol!r}", code="200")
        return symbol

    def _require_account(self, account_id: str) -> None:
        if account_id not in self._books.accounts:
            known = ", ".join(self._books.accounts)
            raise AccountNotFound(f"account {account_id} is not among {known}")


def _check_order(
    symbol: str, quantity: Decimal | int, order_type: str, price: Decimal | None
) -> None:
    wrong = None
    if not quantity:
        wrong = "the quantity is zero"
    elif order_type not in ("MARKET", "LIMIT"):
        wrong = f"{order_type!r} is not MARKET or LIMIT"
    elif (order_type == "LIMIT") != (price is not None):
        wrong = "a limit order needs a price, a market order none"
    if wrong:
        raise OrderExecutionError(f"{symbol}: {wrong}; nothing was sent")
