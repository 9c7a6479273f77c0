"""`PaperClient`: one login at a paper broker behind the `BrokerClient` interface.

Comes in: the interface's calls. Goes out: what the broker's books say, and what is new in them. It
keeps nothing that a crash would have to give back: orders, keys and fills are the books' own, and
the seat of its client id is a lock that the kernel takes back with the process.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from broker_connector_base import (
    AccountNotFound,
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
    OrderOutcomeUnknown,
    OrderResult,
    OrderStatus,
    UnknownSymbol,
)
from simulated_exchange import Exchange, ExchangeError, Order, OrderState, Reason
from simulated_exchange import Instrument as Listing

from . import lock, translate
from .broker import PaperBroker
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
        self._acknowledgement_timeout = acknowledgement_timeout_seconds
        self._connecting = asyncio.Lock()
        #: The descriptor that holds the client id's lock; None without a session.
        self._seat: int | None = None
        self._news: News | None = None
        self._subscriptions: list[Subscription] = []
        #: Orders on their way to the exchange, and who waits for their arrival.
        self._arriving: dict[int, list[asyncio.Future[_Answer]]] = {}
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

    def look(self, exchange: Exchange) -> None:
        """Called by the broker when its books are complete and on the disk."""
        if self._news is None:
            self._news = News(exchange)
        for account_id, event in self._news.since_last_look(exchange):
            for subscription in self._subscriptions:
                if subscription.account_id == account_id:
                    subscription.put(event)
        for order_id in list(self._arriving):
            answer = _answer(exchange, exchange.order(order_id))
            if answer.has_arrived:
                for arrival in self._arriving.pop(order_id):
                    if not arrival.done():
                        arrival.set_result(answer)

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
        for arrival in [a for waiting in self._arriving.values() for a in waiting]:
            if not arrival.done():
                arrival.set_exception(lost)
        self._arriving.clear()

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
            lambda exchange: [translate.price(exchange, _listing(exchange, s)) for s in symbols]
        )

    async def get_instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        return await self._ask(
            lambda exchange: [
                translate.instrument(_listing(exchange, symbol), exchange.clock.now())
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
            answer = await self._arrival(answer, client_order_id)
            return answer.decided()
        except ExchangeError as refusal:
            refused = OrderExecutionError(
                f"{quantity} {symbol} for {account_id} was refused: {refusal.message}; the order "
                "is not working",
                code=refusal.reason.value,
            )
            if client_order_id is not None:
                self._refused[key] = refused
            raise refused from refusal

    def _submit(self, exchange: Exchange, wanted: WantedOrder) -> _Answer:
        _require_account(exchange, wanted.account_id)
        listing = _listing(exchange, wanted.symbol)
        first = _with_key(exchange, wanted.account_id, wanted.client_order_id)
        return _answer(exchange, first or exchange.submit(wanted.request(listing, self.client_id)))

    async def _arrival(self, answer: _Answer, client_order_id: str | None) -> _Answer:
        if answer.has_arrived:
            return answer
        arrival: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._arriving.setdefault(int(answer.result.order_id), []).append(arrival)
        try:
            async with asyncio.timeout(self._acknowledgement_timeout):
                return await arrival
        except TimeoutError:
            return answer
        except BrokerConnectionError as lost:
            raise OrderOutcomeUnknown(
                f"{lost} before the order was acknowledged; it may be working: look it up before "
                "another is sent",
                client_order_id=client_order_id or "",
            ) from lost

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
            order = _with_key(exchange, account_id, client_order_id)
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
                _require_account(exchange, account_id)
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


class _Answer(NamedTuple):
    """An order as it was answered for."""

    result: OrderResult
    state: OrderState
    refused: Reason | None

    @property
    def has_arrived(self) -> bool:
        return self.state is not OrderState.PENDING

    def decided(self) -> OrderResult:
        """The order if it was taken; the `ExchangeError` if it was refused when its turn came."""
        if self.refused is not None:
            raise ExchangeError(self.refused, "it no longer fitted when its turn came")
        return self.result


def _answer(exchange: Exchange, order: Order) -> _Answer:
    return _Answer(translate.result(exchange, order), order.status, order.reject_reason)


def _with_key(exchange: Exchange, account_id: str, key: str | None) -> Order | None:
    """The order of this account that has the key, whoever placed it."""
    if not key:
        return None
    orders = [*exchange.open_orders(account_id), *exchange.completed_orders(account_id)]
    return next((order for order in orders if order.request.order_ref == key), None)


def _require_account(exchange: Exchange, account_id: str) -> None:
    known = exchange.account_ids()
    if account_id not in known:
        raise AccountNotFound(f"account {account_id} is not among {', '.join(known)}")


def _listing(exchange: Exchange, symbol: str) -> Listing:
    found = exchange.find_instruments(symbol=symbol, sec_type="STK")
    if len(found) != 1:
        what = f"{len(found)} stocks answer" if found else "no stock answers"
        raise UnknownSymbol(f"{what} to {symbol!r} on the paper market; nothing was sent")
    return found[0]
