"""What the contract suite needs from a broker under test: one small class per connector.

Comes in: orders for the broker's side of the world ("take 4 shares of every order", "break the
connection"). Goes out: sessions of the connector, and what the broker itself has in its books. The
broker may be an object in this process or a server at the end of a socket: every method is awaited
and returns when the broker has done it, and nothing here sleeps or asks twice.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

from broker_connector_base.base_client import BrokerClient
from broker_connector_base.models import Fill, OrderEvent, OrderUpdate
from broker_connector_base.order_states import OrderStatus

#: The quote of both symbols when a test starts: two-sided, live, tick 0.01.
BID = Decimal("99.99")
ASK = Decimal("100.01")
#: A buy limit that rests at that quote.
BELOW = Decimal("90.00")
#: What the account holds when a test starts: shares of the first symbol, and US dollars.
SHARES = Decimal(100)
CASH = Decimal(100_000)


class BrokerHarness(ABC):
    """A freshly started broker per test, open for regular trading, with a login of two accounts.

    `account_id` holds `SHARES` of `symbols[0]` and `CASH`; `other_account_id` holds enough cash to
    buy 10 shares. Both symbols and `class_share` are plain stocks with whole-share lots, quoted
    `BID` to `ASK`, with enough liquidity for 100 shares at the quote.
    """

    account_id: str
    other_account_id: str
    symbols: tuple[str, str]
    unknown_symbol: str = "NOSUCH"
    #: A stock like the others that some brokers write with a blank.
    class_share: str = "BRK.B"
    #: How long the suite waits for anything; generous, because it is only reached by a failure.
    deadline_seconds: float = 5

    # --- this side -----------------------------------------------------------------------------

    @abstractmethod
    async def start(self) -> None:
        """Bring the broker up."""

    @abstractmethod
    async def stop(self) -> None:
        """Take the broker down and free everything; also after a failed test."""

    @abstractmethod
    def client(self, client_id: int = 1) -> BrokerClient:
        """A new session object of the connector under test, not connected."""

    # --- the broker's side ---------------------------------------------------------------------

    @abstractmethod
    async def set_quote(self, symbol: str, *, bid: Decimal | None, ask: Decimal | None) -> None:
        """Replace the quote; None means that this side is absent."""

    @abstractmethod
    async def market_takes(self, symbol: str, shares: int | None) -> None:
        """From now on the market takes at most `shares` of each marketable order in the symbol,
        working ones included; the rest works on. None: all of it.
        """

    @abstractmethod
    async def fill_before_cancel(self, symbol: str) -> None:
        """The next cancellation in the symbol finds its order filled a moment before."""

    @abstractmethod
    def refused_order(self) -> tuple[str, Decimal, Decimal | None]:
        """Symbol, quantity and limit (None: a market order) of an order that the broker rejects."""

    @abstractmethod
    async def place_foreign_order(self, symbol: str, quantity: int, limit_price: Decimal) -> None:
        """An order that none of this suite's clients placed works in `account_id`."""

    @abstractmethod
    async def drop_connections(self) -> None:
        """Break every session without a goodbye; the broker stays up."""

    @abstractmethod
    async def drop_at_next_order(self) -> None:
        """The broker takes the next order to the market and breaks its session instead of
        answering.
        """

    @abstractmethod
    async def restart(self) -> None:
        """End the broker and start it again with its books; every session is lost."""

    @abstractmethod
    async def published(self) -> None:
        """Return when the broker's account view shows its books; at once when it never lags."""

    # --- the broker's books --------------------------------------------------------------------

    @abstractmethod
    async def keys_received(self) -> Sequence[str | None]:
        """The client order id of every order that reached the broker, in order of arrival,
        rejected ones excluded.
        """

    @abstractmethod
    async def shares(self, symbol: str) -> Decimal:
        """Signed shares of `account_id`."""

    @abstractmethod
    async def cash(self) -> Decimal:
        """US dollars of `account_id`."""

    # --- what the suite adds -------------------------------------------------------------------

    @asynccontextmanager
    async def session(self, client_id: int = 1) -> AsyncIterator[BrokerClient]:
        """A connected session, closed at the end."""
        client = self.client(client_id)
        async with asyncio.timeout(self.deadline_seconds):
            await client.connect()
        try:
            yield client
        finally:
            await client.disconnect()

    @asynccontextmanager
    async def watching(
        self, client: BrokerClient, account_id: str | None = None
    ) -> AsyncIterator[EventLog]:
        """The client's events of `account_id` from here on."""
        async with client.order_events(account_id or self.account_id) as events:
            yield EventLog(events, self.deadline_seconds)


class EventLog:
    """Events as they came, and waiting for more of them under a deadline."""

    def __init__(self, source: AsyncIterator[OrderEvent], deadline_seconds: float) -> None:
        self.source = source
        self._deadline = deadline_seconds
        self.seen: list[OrderEvent] = []

    async def until(self, told: Callable[[], bool], what: str) -> None:
        """Read events until `told()`; fails with all that was seen."""
        try:
            async with asyncio.timeout(self._deadline):
                while not told():
                    self.seen.append(await anext(self.source))
        except TimeoutError:
            raise AssertionError(
                f"{what} was not told within {self._deadline} s: {self.seen}"
            ) from None

    async def until_status(self, key: str, status: OrderStatus) -> OrderUpdate:
        """The first update of the order that says `status`."""
        await self.until(
            lambda: any(update.status is status for update in self.updates(key)), f"{key} {status}"
        )
        return next(update for update in self.updates(key) if update.status is status)

    async def until_filled(self, key: str, shares: int) -> None:
        """Until the order's executions add up to signed `shares`."""
        await self.until(lambda: self.quantity(key) == shares, f"{shares} shares of {key}")

    async def until_charged(self, key: str) -> None:
        """Until every execution of the order has told its commission."""
        await self.until(
            lambda: all(fill.commission is not None for fill in self.fills(key)),
            f"the commission of {key}",
        )

    async def until_the_end(self) -> None:
        """Read until the stream raises, or fail at the deadline."""
        await self.until(lambda: False, "the end of the session")

    def updates(self, key: str) -> list[OrderUpdate]:
        return [
            event
            for event in self.seen
            if isinstance(event, OrderUpdate) and event.client_order_id == key
        ]

    def fills(self, key: str) -> list[Fill]:
        """The executions of the order, each at its last report."""
        last = {
            event.execution_id: event
            for event in self.seen
            if isinstance(event, Fill) and event.client_order_id == key
        }
        return list(last.values())

    def quantity(self, key: str) -> Decimal:
        """Signed shares of all executions of the order."""
        return sum((fill.quantity for fill in self.fills(key)), Decimal(0))
