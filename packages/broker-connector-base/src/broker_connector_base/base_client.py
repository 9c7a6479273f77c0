"""The one interface between the product and a broker: a session of one login on one event loop.

Comes in: questions and orders. Goes out: values of `models`, and events. Every method may raise
`BrokerConnectionError` (nothing was sent) or `BrokerAPIError` (the broker refused). Only
`place_order` may raise `OrderOutcomeUnknown`. Implementations hold their own deadlines: no method
waits for ever, and none sends twice what was asked once.

`broker_connector_base.testing.contract` says the same in tests.
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
    """A broker session. Symbols are the broker's own, with a dot where it writes a
    blank (`BRK.B`): one with a blank is unknown. Quantities are signed shares.

    An order is *own* when this session's client id placed it, in this session or an earlier one.
    """

    @abstractmethod
    async def connect(self) -> bool:
        """Log in. Returns True; raises `BrokerConnectionError` (`ClientIdInUse` when the id is
        taken). Harmless when connected; works again after the session was lost or closed.
        """

    @abstractmethod
    async def disconnect(self) -> None:
        """End the session, and with it the event streams. Working orders stay at the broker.
        Harmless when not connected.
        """

    @abstractmethod
    def is_connected(self) -> bool:
        """Whether the session stands, as far as this side knows; asks nobody."""

    @abstractmethod
    def last_heard(self) -> float:
        """The event loop's time when the broker last said anything in this session or, after its
        end, in the last one; minus infinity before the first. What was sent before that was on its
        way in a session that stood.
        """

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
        without one. Right after a fill a broker may still show the account as it was before;
        executions are the truth. `use_cached_prices` allows prices of an earlier question, never
        old positions or cash.
        """

    @abstractmethod
    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        """One quote per symbol, in the order asked.

        A price the broker does not give is None; a crossed or delayed quote is returned as it is
        and is the caller's to judge. `use_cache` allows answers of an earlier question. Raises
        `UnknownSymbol`, or `MarketDataError` when the broker refuses data.
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
        calls started in order are sent in order. Repeating a `client_order_id` on the same client
        object sends nothing and answers for the first order: its state by now, its refusal again,
        or that its fate is still unknown. Another object, such as that of the next run, does not
        remember the key: ask `find_order` first.

        Raises `UnknownSymbol`, `AccountNotFound`, `OrderExecutionError` when the broker refused the
        order, and `OrderOutcomeUnknown` when the answer did not come in time or the session broke
        after sending.
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
        """The state of an order of this session; NOT_FOUND for any other, ERROR for what is not
        an order id. `find_order` knows more.
        """

    @abstractmethod
    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        """The fate of an order by its key: asks the broker for open orders, executions and
        completed orders.

        It does not matter which client placed it. None means that the broker has never seen it, as
        far as the broker can tell today: brokers forget ended orders overnight.
        """

    @abstractmethod
    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        """The account's executions of the current trading day, oldest first, each at its last
        correction, whoever placed the orders. `since` leaves out earlier ones.
        """

    @abstractmethod
    def order_events(
        self, account_id: str
    ) -> AbstractAsyncContextManager[AsyncIterator[OrderEvent]]:
        """Order updates and fills of the account from the moment of entry.

        The subscription stands when the context is entered, so an order placed inside the block
        cannot outrun its events; they may come before `place_order` returns. Own orders are told;
        whether others are is the broker's choice. While the broker has lost its link to the
        exchanges, a subscription begins with that news. A `Fill` may come again with the same
        `execution_id`, corrected or with its commission, and replaces the first.

        A wait that is cancelled loses nothing: read on. The end of the session, lost or closed,
        raises `BrokerConnectionError` after the events that came before it.
        """
