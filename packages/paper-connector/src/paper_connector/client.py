"""`PaperClient`: one login at a paper broker behind the `BrokerClient` interface.

Comes in: the interface's calls. Goes out: what the broker's books say, and what is new in them. It
keeps nothing that a crash would have to give back: orders, keys and fills are the books' own, and
the seat of its client id is a lock that the kernel takes back with the process.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from broker_connector_base import (
    AccountSnapshot,
    BrokerClient,
    BrokerConnectionError,
    ClientIdInUse,
    ContractPrice,
    Fill,
    Instrument,
    OpenOrder,
    OrderEvent,
    OrderExecutionError,
    OrderResult,
    OrderStatus,
)
from simulated_exchange import Exchange, ExchangeError, Order

from . import lock, translate
from .acknowledgements import Acknowledgements, Answer
from .broker import PaperBroker
from .lookups import listing, order_with_key, require_account
from .news import News
from .order_request import WantedOrder
from .subscription import Subscription

T = TypeVar("T")

#: Where a trading day begins and ends.
_ZONE = ZoneInfo("America/New_York")


class PaperClient(BrokerClient):
    """A session of one client id, which no other session on the same books may have meanwhile.

    `acknowledgement_timeout_seconds`: how long `place_order` waits for the order to arrive at the
    exchange. The books have it before, so after that time it is answered for as working.
    """

    def __init__(
        self, client_id: int, broker: PaperBroker, *, acknowledgement_timeout_seconds: float = 10
    ) -> None:
        self.client_id = client_id
        self._broker = broker
        self._acknowledgements = Acknowledgements(acknowledgement_timeout_seconds)
        self._connecting = asyncio.Lock()
        #: The descriptor that holds the client id's lock; None without a session.
        self._seat: int | None = None
        self._news: News | None = None
        self._heard_at = -math.inf
        self._subscriptions: list[Subscription] = []
        #: Keys that were refused: a refused order leaves no trace in the books.
        self._refused: dict[tuple[str, str], OrderExecutionError] = {}

    # --- the session ---------------------------------------------------------------------------

    async def connect(self) -> bool:
        async with self._connecting:
            if self._seat is None:
                seat = lock.take_now(self._broker.directory / f"client-{self.client_id}.lock")
                if seat is None:
                    raise ClientIdInUse(f"client id {self.client_id} is in use by another session")
                self._seat = seat
                try:
                    await self._broker.enter(self)
                except BaseException:
                    self.lose("the session could not be opened")
                    raise
        return True

    async def disconnect(self) -> None:
        self.lose("this side closed the session")

    def is_connected(self) -> bool:
        return self._news is not None

    def last_heard(self) -> float:
        return self._heard_at

    def look(self, exchange: Exchange) -> None:
        """Called by the broker when its books are complete and on the disk."""
        self._heard_at = asyncio.get_running_loop().time()
        if self._news is None:
            self._news = News(exchange)
        for account_id, event in self._news.since_last_look(exchange):
            for subscription in self._subscriptions:
                if subscription.account_id == account_id:
                    subscription.put(event)
        self._acknowledgements.look(exchange)

    def lose(self, reason: str) -> None:
        """Called by the broker when the session is over; harmless when there is none."""
        self._broker.leave(self)
        self._news = None
        if self._seat is not None:
            os.close(self._seat)
            self._seat = None
        lost = BrokerConnectionError(reason)
        for subscription in self._subscriptions:
            subscription.put(lost)
        self._acknowledgements.lose(lost)

    # --- accounts and markets ------------------------------------------------------------------

    async def get_accounts(self) -> list[str]:
        return await self._ask(lambda exchange: exchange.account_ids())

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        """See `BrokerClient`; prices are always those of the moment."""
        return await self._ask(
            lambda exchange: translate.snapshot(exchange, account_id, exchange.clock.now()),
            account_id,
        )

    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        """See `BrokerClient`; prices are always those of the moment."""
        return await self._ask(
            lambda exchange: [translate.price(exchange, listing(exchange, s)) for s in symbols]
        )

    async def get_instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        return await self._ask(
            lambda exchange: [
                translate.instrument(listing(exchange, symbol), exchange.clock.now())
                for symbol in symbols
            ]
        )

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
        """See `BrokerClient`. A key that the books know is never sent again, whichever session
        sent it. The order is on the disk before this waits for its arrival at the exchange.
        """
        self._require_session()
        key = (account_id, client_order_id or "")
        if client_order_id is not None and key in self._refused:
            raise self._refused[key]
        wanted = WantedOrder(
            account_id=account_id,
            symbol=symbol,
            quantity=Decimal(quantity),
            order_type=order_type,
            price=price,
            client_order_id=client_order_id,
            time_in_force=time_in_force,
        )
        try:
            answer = await self._broker.request(lambda exchange: self._submit(exchange, wanted))
            return (await self._acknowledgements.of(answer)).decided()
        except ExchangeError as refusal:
            refused = OrderExecutionError(
                f"{quantity} {symbol} for {account_id} was refused: {refusal.message}; the order "
                "is not working",
                code=refusal.reason.value,
            )
            if client_order_id is not None:
                self._refused[key] = refused
            raise refused from refusal

    def _submit(self, exchange: Exchange, wanted: WantedOrder) -> Answer:
        # The session may have ended while the lock was waited for.
        self._require_session()
        require_account(exchange, wanted.account_id)
        found = listing(exchange, wanted.symbol)
        first = order_with_key(exchange, wanted.account_id, wanted.client_order_id)
        order = first or exchange.submit(wanted.request(found, self.client_id))
        return Answer.of(exchange, order)

    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        return await self._ask(
            lambda exchange: [
                translate.open_order(exchange, order, client_id=self.client_id)
                for order in exchange.open_orders(account_id)
            ],
            account_id,
        )

    async def cancel_order(self, order_id: str) -> None:
        self._require_session()

        def cancel(exchange: Exchange) -> None:
            order = self._own(exchange, order_id)
            if order is None:
                raise OrderExecutionError(
                    f"order {order_id} does not belong to client id {self.client_id}; nothing was "
                    "sent",
                    code="NOT_OWN",
                )
            if not order.is_done:
                exchange.cancel(order.order_id)

        await self._broker.request(cancel)

    async def get_order_status(self, order_id: str) -> OrderStatus:
        def status(exchange: Exchange) -> OrderStatus:
            order = self._own(exchange, order_id)
            return translate.STATUS[order.status] if order else OrderStatus.NOT_FOUND

        found = await self._ask(status)
        return found if order_id.isdecimal() else OrderStatus.ERROR

    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        """See `BrokerClient`. The books forget nothing: None means that it was never taken."""

        def find(exchange: Exchange) -> OrderResult | None:
            order = order_with_key(exchange, account_id, client_order_id)
            return None if order is None else translate.result(exchange, order)

        return await self._ask(find, account_id)

    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        """See `BrokerClient`; the trading day is New York's."""

        def today(exchange: Exchange) -> list[Fill]:
            day = exchange.clock.now().astimezone(_ZONE).date()
            return [
                translate.fill(exchange, execution)
                for execution in exchange.executions(account_id=account_id, since=since)
                if execution.at.astimezone(_ZONE).date() == day
            ]

        return await self._ask(today, account_id)

    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        """See `BrokerClient`; orders of others are told as well."""
        await self._ask(lambda exchange: None, account_id)
        subscription = Subscription(account_id)
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    # --- inside --------------------------------------------------------------------------------

    async def _ask(self, question: Callable[[Exchange], T], account_id: str | None = None) -> T:
        """The answer of the books, about an account if one is named."""
        self._require_session()

        def answer(exchange: Exchange) -> T:
            if account_id is not None:
                require_account(exchange, account_id)
            return question(exchange)

        return await self._broker.ask(answer)

    def _require_session(self) -> None:
        if not self.is_connected():
            raise BrokerConnectionError("not connected; nothing was sent: connect first")

    def _own(self, exchange: Exchange, order_id: str) -> Order | None:
        try:
            order = exchange.order(int(order_id))
        except (ValueError, ExchangeError):
            return None
        return order if order.request.owner == self.client_id else None
