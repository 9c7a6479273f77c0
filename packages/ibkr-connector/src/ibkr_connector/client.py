"""`IBKRClient`: one login at TWS or IB Gateway behind the `BrokerClient` interface.

Comes in: the interface's calls. Goes out: what its parts answer; this module only joins them. It
holds no rule of its own beyond what happens when the session starts, ends or loses its link to IB.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

from broker_connector_base import (
    AccountSnapshot,
    BrokerAPIError,
    BrokerClient,
    BrokerConnectionError,
    BrokerError,
    Connectivity,
    ConnectivityChange,
    ContractPrice,
    Fill,
    Instrument,
    MarketDataError,
    OpenOrder,
    OrderEvent,
    OrderExecutionError,
    OrderResult,
    OrderStatus,
)

from .accounts import Accounts
from .contract_cache import ContractCache
from .contracts import Contracts
from .errors import ERROR_CODES, READ_ONLY, ErrorCode, meaning_of
from .events import Subscriptions
from .ledger import Ledger
from .order_lists import OrderLists
from .order_request import OrderRequest
from .orders import OrderDesk
from .quotes import MAX_LINES, Quotes
from .reconciler import Reconciler
from .session import Session

_CONNECTIVITY = {
    1100: Connectivity.LOST,
    1101: Connectivity.RESTORED_DATA_LOST,
    1102: Connectivity.RESTORED,
}
#: The link to the market was interrupted somewhere, whatever the gateway says of it afterwards.
_STALE_QUOTES = {1100, 1101, 1102, 2103, 2110}
_REJECTED = "201"
_LIVE = 1


def is_paper_account(account_id: str) -> bool:
    """Whether the id is a paper account's: DU (single), DF (adviser) and their variants."""
    return re.match(r"D[UF]", account_id) is not None


def _now() -> datetime:
    return datetime.now(UTC)


class IBKRClient(BrokerClient):
    """A session of one client id. Two sessions with one client id cannot stand at a time, and an
    order can be cancelled only by the client id that placed it: keep it fixed per account.

    - `market_data_type`: the feed asked for, 1 live, 2 frozen, 3 delayed, 4 both; each
      quote says which it got.
    - `quote_timeout_seconds`: a quote takes what has come by then; first ticks can take 12 s
      (ib_insync issue 451).
    - `heartbeat_seconds`: after so much silence the link is probed; a dead one ends the session.
    - `error_codes`: rows that add to or override `errors.ERROR_CODES`.
    - `currency`: of the listings that symbols mean, and of the account if IB leaves it open.
    """

    def __init__(
        self,
        client_id: int,
        *,
        host: str = "127.0.0.1",
        port: int,
        request_timeout_seconds: float = 10,
        connection_timeout_seconds: float = 10,
        acknowledgement_timeout_seconds: float = 5,
        quote_timeout_seconds: float = 12,
        heartbeat_seconds: float = 15,
        market_data_type: int = _LIVE,
        price_cache_ttl_seconds: float = 30,
        max_market_data_lines: int = MAX_LINES,
        contract_cache: ContractCache | None = None,
        currency: str = "USD",
        error_codes: Mapping[int, ErrorCode] | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        table = {**ERROR_CODES, **(error_codes or {})}
        self.client_id = client_id
        self._market_data_type = market_data_type
        #: The gateway's word that it has lost IB, until it says that it has it back.
        self._outage: ConnectivityChange | None = None
        self._connecting = asyncio.Lock()
        self._subscriptions = Subscriptions()
        self._ledger = Ledger(
            client_id,
            publish=self._subscriptions.publish,
            on_doubt=lambda: self._reconciler.check_soon(),
            kind_of=lambda code: meaning_of(code, table).kind,
        )
        self._session = Session(
            self._ledger,
            on_notice=self._on_notice,
            on_lost=self._on_lost,
            client_id=client_id,
            host=host,
            port=port,
            connection_timeout_seconds=connection_timeout_seconds,
            request_timeout_seconds=request_timeout_seconds,
            heartbeat_seconds=heartbeat_seconds,
            error_codes=table,
        )
        self._contracts = Contracts(
            self._session, contract_cache or ContractCache(), currency=currency, clock=clock
        )
        self._quotes = Quotes(
            self._session,
            timeout_seconds=quote_timeout_seconds,
            cache_ttl_seconds=price_cache_ttl_seconds,
            max_lines=max_market_data_lines,
            clock=clock,
        )
        self._accounts = Accounts(self._session, self._quotes, base_currency=currency, clock=clock)
        lists = OrderLists(self._session, self._ledger)
        self._reconciler = Reconciler(lists, self._ledger)
        self._orders = OrderDesk(
            self._session,
            self._contracts,
            self._ledger,
            lists,
            acknowledgement_timeout_seconds=acknowledgement_timeout_seconds,
        )

    async def connect(self) -> bool:
        """Log in and learn of the orders and executions of earlier sessions of this client id.

        A gateway whose API is read-only lets in, for positions and quotes; whatever has to do with
        orders is refused with code 321.
        """
        async with self._connecting:
            if not self._session.is_connected():
                # A gateway that is cut off from IB says so in the burst that ends the login.
                self._outage = None
                await self._session.connect()
                try:
                    await self._catch_up()
                except BaseException:
                    await self._session.disconnect()
                    raise
        return True

    async def _catch_up(self) -> None:
        if self._market_data_type != _LIVE:  # live is what a new session gets
            self._session.client.reqMarketDataType(self._market_data_type)
        try:
            await self._reconciler.reconcile()
        except BrokerAPIError as error:
            if error.code != READ_ONLY:
                raise

    async def disconnect(self) -> None:
        await self._session.disconnect()

    def is_connected(self) -> bool:
        return self._session.is_connected()

    def last_heard(self) -> float:
        return self._session.last_heard()

    async def get_accounts(self) -> list[str]:
        return self._session.accounts()

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        """See `BrokerClient`. Stocks are priced by their quotes; with `use_cached_prices` a quote
        younger than the cache's time to live will do.
        """
        return await self._accounts.snapshot(account_id, use_cached_prices=use_cached_prices)

    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        """See `BrokerClient`; the error names every symbol without a quote."""
        listings = await self._contracts.resolve(symbols)
        quotes = await self._quotes.of(
            [(listing.symbol, listing.contract()) for listing in listings], use_cache=use_cache
        )
        answers = [quotes[listing.con_id] for listing in listings]
        failed = {
            listing.symbol: answer
            for listing, answer in zip(listings, answers, strict=True)
            if isinstance(answer, BrokerError)
        }
        if failed:
            raise _quote_error(failed)
        return [answer for answer in answers if isinstance(answer, ContractPrice)]

    async def get_instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        listings = await self._contracts.resolve(symbols, fresh_hours=True)
        return [listing.instrument() for listing in listings]

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
        """See `BrokerClient`. A limit is moved to the instrument's price grid, never to the
        caller's loss. If the symbol has not been looked up before, it is now, and later calls wait
        their turn. While the gateway has lost IB nothing is sent.
        """
        if self._outage is not None:
            raise BrokerConnectionError(
                "The gateway has lost its link to IB (1100). Nothing was sent."
            )
        request = OrderRequest(
            account_id=account_id,
            symbol=symbol,
            quantity=Decimal(quantity),
            order_type=order_type,
            price=price,
            client_order_id=client_order_id,
            time_in_force=time_in_force,
        )
        return await self._orders.place(request)

    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        return await self._orders.open_orders(account_id)

    async def cancel_order(self, order_id: str) -> None:
        self._orders.cancel(order_id)

    async def get_order_status(self, order_id: str) -> OrderStatus:
        return self._orders.status(order_id)

    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        return await self._orders.find(account_id, client_order_id)

    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        return await self._orders.executions(account_id, since)

    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        self._session.require_account(account_id)
        with self._subscriptions.listen(account_id) as events:
            if self._outage is not None:
                events.put(self._outage)
            yield events

    # For `doctor`.

    def server_version(self) -> int:
        """The version of the protocol spoken with the gateway, 157 to 178."""
        return int(self._session.client.serverVersion())

    async def server_time(self) -> datetime:
        """The gateway's clock, exact to a second; compare it with this machine's."""
        return await self._session.server_time()

    async def probe_orders_allowed(self, account_id: str, symbol: str) -> bool:
        """Whether the API may place orders: asks what one share would cost, which trades nothing.

        False when the gateway's API is read-only. An order refused on its merits (201) was taken;
        raises `OrderExecutionError` for any other refusal.
        """
        request = OrderRequest(
            account_id=account_id,
            symbol=symbol,
            quantity=Decimal(1),
            order_type="MARKET",
            price=None,
            client_order_id=None,
            time_in_force="DAY",
        )
        try:
            await self._orders.what_if(request)
        except OrderExecutionError as error:
            if error.code not in (READ_ONLY, _REJECTED):
                raise
            return error.code != READ_ONLY
        return True

    # What the session tells.

    def _on_notice(self, code: int, text: str) -> None:
        if code in _STALE_QUOTES:
            self._quotes.forget()
        state = _CONNECTIVITY.get(code)
        if state is None:
            return
        change = ConnectivityChange(state=state, message=text)
        self._outage = change if state is Connectivity.LOST else None
        self._subscriptions.publish_to_all(change)
        if self._outage is None:
            # Orders may have filled meanwhile.
            self._reconciler.check_now()

    def _on_lost(self, error: BrokerConnectionError) -> None:
        self._reconciler.stop()
        self._quotes.forget()
        self._ledger.on_lost()
        self._subscriptions.end_all(error)


def _quote_error(failed: Mapping[str, BrokerError]) -> BrokerError:
    first = next(iter(failed.values()))
    if isinstance(first, BrokerConnectionError):
        return first
    reasons = "; ".join(f"{symbol}: {error}" for symbol, error in failed.items())
    return MarketDataError(f"No quote for {reasons}.", code=getattr(first, "code", None))
