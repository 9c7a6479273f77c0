"""The one interface between the product and a broker: a session of one login on one event loop.

Every method may raise `BrokerConnectionError` (nothing was sent) or `BrokerAPIError` (the broker
refused). Only `place_order` may raise `OrderOutcomeUnknown`. Implementations hold their own
deadlines: no method waits for ever.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal

from .models import (
    AccountSnapshot,
    ContractPrice,
    Fill,
    Instrument,
    OpenOrder,
    OrderEvent,
    OrderResult,
)
from .order_states import OrderStatus


class BrokerClient(ABC):
    """A broker session. Symbols are the broker's own spelling; quantities are signed shares."""

    @abstractmethod
    async def connect(self) -> bool:
        """Log in. Returns True; raises `BrokerConnectionError` (`ClientIdInUse` when the id is
        taken).
        """

    @abstractmethod
    async def disconnect(self) -> None:
        """End the session. Working orders stay at the broker. Harmless when not connected."""

    @abstractmethod
    def is_connected(self) -> bool:
        """Whether the session stands, as far as this side knows."""

    @abstractmethod
    async def get_accounts(self) -> list[str]:
        """The account ids this login may see."""

    @abstractmethod
    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        """Positions, cash and net liquidation, as the broker has them now.

        Raises `AccountNotFound` when the login does not have the account and `AccountDataError`
        when net liquidation, cash or positions are missing. A position without a price is returned
        without one.
        """

    @abstractmethod
    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        """One quote per symbol, in the order asked.

        A price the broker does not give is None. Raises `UnknownSymbol`, or `MarketDataError` when
        the broker refuses data.
        """

    @abstractmethod
    async def get_instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """The one instrument per symbol, in the order asked; raises `UnknownSymbol`, ambiguity
        included.
        """

    @abstractmethod
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
        """Send one order and return when the broker has acknowledged it (working or filled).

        `quantity` is signed; `order_type` is MARKET or LIMIT; `price` is the limit. The order is
        written to the transport before the first suspension point that depends on the broker, so
        calls started in order are sent in order. Repeating a `client_order_id` returns the first
        order and sends nothing. Raises `OrderExecutionError` when the broker refused it and
        `OrderOutcomeUnknown` when the answer did not come in time or the session broke after
        sending.
        """

    @abstractmethod
    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        """All working orders of the account, other clients' and manual ones included."""

    @abstractmethod
    async def cancel_order(self, order_id: str) -> None:
        """Ask for cancellation of an own order and return when the request is sent, not when it is
        done.

        Whether it is cancelled is told by `order_events` and `get_open_orders`: a fill can still
        win. Raises `OrderExecutionError` at once when this session does not own the order.
        """

    @abstractmethod
    async def get_order_status(self, order_id: str) -> OrderStatus:
        """The state of an own order of this session; NOT_FOUND or ERROR (not an id) otherwise."""

    @abstractmethod
    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        """The fate of an order by its key: asks the broker for open orders, executions and
        completed orders.

        None means that the broker has never seen it, as far as the broker can tell today.
        """

    @abstractmethod
    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        """The account's executions of the current trading day, oldest first, each at its last
        correction.
        """

    @abstractmethod
    def order_events(
        self, account_id: str
    ) -> AbstractAsyncContextManager[AsyncIterator[OrderEvent]]:
        """Order updates and fills of the account from the moment of entry.

        The subscription stands when the context is entered, so an order placed inside the block
        cannot outrun its events. A lost session raises `BrokerConnectionError` in the iterator.
        """
