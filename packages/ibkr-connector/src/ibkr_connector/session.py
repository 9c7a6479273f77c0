"""One login at one gateway: connect, ask with a deadline, notice the end, disconnect.

Comes in: host, port, client id and deadlines. Goes out: answers to questions, and calls to the
listeners for notices and for the end of the session. It never retries, never waits without a
deadline and knows nothing of accounts or trading.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

import structlog
from ib_async import Client

from broker_connector_base import (
    AccountNotFound,
    BrokerAPIError,
    BrokerConnectionError,
)

from . import convert
from .errors import RAISES, READ_ONLY, ErrorCode, Kind, meaning_of
from .heartbeat import Heartbeat
from .login import ID_IN_USE, Login, close
from .messages import OrderKey
from .wire import COMPLETED_ORDERS, CURRENT_TIME, OPEN_ORDERS, Inbox, Key, OrderListener, Stream

#: The id in an error message that names no request.
_NO_REQUEST = -1

_log = structlog.get_logger(__name__)


class OrderErrorListener(OrderListener, Protocol):
    """Who keeps the orders and hears of the errors that name one."""

    @property
    def highest_number(self) -> int: ...

    def knows(self, key: OrderKey) -> bool: ...

    def on_order_error(self, key: OrderKey, code: int, text: str) -> None: ...


class Session:
    """A login of one client id. It can be opened again after it has ended."""

    def __init__(
        self,
        orders: OrderErrorListener,
        *,
        on_notice: Callable[[int, str], None],
        on_lost: Callable[[BrokerConnectionError], None],
        client_id: int,
        host: str,
        port: int,
        connection_timeout_seconds: float,
        request_timeout_seconds: float,
        heartbeat_seconds: float,
        error_codes: Mapping[int, ErrorCode],
    ) -> None:
        self.client_id = client_id
        self.where = f"{host}:{port}"
        self._address = (host, port)
        self._orders = orders
        self._on_notice = on_notice
        self._on_lost = on_lost
        self._connection_timeout = connection_timeout_seconds
        self._request_timeout = request_timeout_seconds
        self._error_codes = error_codes
        self._inbox = Inbox(orders, self)
        self._client: Client | None = None
        self._standing = False
        self._login: Login | None = None
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._questions: set[asyncio.Task[list[Any]]] = set()
        self._heartbeat = Heartbeat(heartbeat_seconds, self.server_time, self._on_dead)

    # Opening and closing.

    def is_connected(self) -> bool:
        """Whether the session stands, as far as this side knows."""
        return self._standing

    def last_heard(self) -> float:
        """The loop's time when the gateway last sent anything."""
        return self._heartbeat.heard_at

    async def connect(self) -> None:
        """Log in; returns when orders can be placed.

        Raises `ClientIdInUse` as soon as the gateway says so and `BrokerConnectionError` when
        nothing listens, the gateway hangs up or the deadline passes.
        """
        if self._standing:
            return
        self._login = Login(self._inbox, *self._address, client_id=self.client_id)
        try:
            client = await self._login.attempt(self._connection_timeout)
        finally:
            self._login = None
        if not client.isReady():
            raise BrokerConnectionError(
                f"The gateway at {self.where} hung up right after the login. Nothing was sent."
            )
        self._client, self._standing = client, True
        self._heartbeat.start()

    async def disconnect(self) -> None:
        """End the session; harmless when there is none."""
        self._end(BrokerConnectionError("The session was closed by this side."))
        client, self._client = self._client, None
        if client is not None:
            await close(client)

    def _end(self, error: BrokerConnectionError) -> None:
        if not self._standing:
            return
        self._standing = False
        self._heartbeat.stop()
        self._inbox.fail_all(error)
        self._on_lost(error)

    # Asking.

    @property
    def client(self) -> Client:
        """ib_async's client of the standing session; raises `BrokerConnectionError` if none."""
        if self._client is None or not self._standing:
            raise BrokerConnectionError(
                f"There is no session with the gateway at {self.where}. Nothing was sent. Connect "
                "first."
            )
        return self._client

    def next_id(self) -> int:
        """An id for an order or a question, above every order number that was ever seen or given.

        The gateway's own word for the next one knows nothing of an order that never reached it, and
        starts over when the ids are reset; an id used twice would change the first order.
        """
        self.client.updateReqId(self._orders.highest_number + 1)
        return int(self.client.getReqId())

    def accounts(self) -> list[str]:
        """The accounts of this login."""
        return list(self.client.getAccounts())

    def require_account(self, account_id: str) -> None:
        """Raise `AccountNotFound` unless the login has the account."""
        accounts = self.accounts()
        if account_id not in accounts:
            raise AccountNotFound(
                f"The login at {self.where} does not have account {account_id}; it has "
                f"{', '.join(accounts)}. Nothing was sent."
            )

    async def ask(
        self,
        send: Callable[[Client, int], None],
        *,
        what: str,
        cancel: Callable[[Client, int], None] | None = None,
    ) -> list[Any]:
        """Send a question under a new request id and return what came until its end.

        `cancel` ends a subscription whose first delivery is the answer. Raises the exception of the
        error code that ended the question, and `BrokerConnectionError` when the deadline passes or
        the session ends.
        """
        client, key = self.client, self.next_id()
        try:
            return await self._collect(key, lambda: send(client, key), what)
        finally:
            if cancel is not None and self._standing:
                cancel(client, key)

    async def ask_alone(self, key: str, send: Callable[[Client], None]) -> list[Any]:
        """The same for the questions that have no request id: one of a kind at a time.

        Their answers cannot be told apart, so a question is seen through even if the caller gives
        up, and one that has no answer in time ends the session.
        """
        task = asyncio.get_running_loop().create_task(self._ask_in_turn(key, send))
        self._questions.add(task)
        task.add_done_callback(self._on_answered)
        return await asyncio.shield(task)

    async def _ask_in_turn(self, key: str, send: Callable[[Client], None]) -> list[Any]:
        async with self._turns[key]:
            client = self.client
            try:
                return await self._collect(key, lambda: send(client), key)
            except BrokerConnectionError as error:
                self._on_dead(error)
                raise

    def _on_answered(self, task: asyncio.Task[list[Any]]) -> None:
        self._questions.discard(task)
        if not task.cancelled():
            task.exception()  # the caller may have given up on it

    async def _collect(self, key: Key, send: Callable[[], None], what: str) -> list[Any]:
        answer = self._inbox.expect(key)
        try:
            send()
            async with asyncio.timeout(self._request_timeout):
                await answer.done
        except TimeoutError:
            raise BrokerConnectionError(
                f"The gateway at {self.where} did not answer the question for {what} within "
                f"{self._request_timeout:g} s. Nothing was changed; asking again is safe."
            ) from None
        finally:
            self._inbox.forget(key)
        return answer.items

    def open_stream(self, send: Callable[[Client, int], None], stream: Stream) -> int:
        """Subscribe; returns the id to `close_stream` with."""
        client, key = self.client, self.next_id()
        self._inbox.stream(key, stream)
        send(client, key)
        return key

    def close_stream(self, key: int, cancel: Callable[[Client, int], None]) -> None:
        """End a subscription, at the gateway too if it still stands."""
        if self._standing and self._inbox.waits_for(key):
            cancel(self.client, key)
        self._inbox.close(key)

    async def server_time(self) -> datetime:
        """The gateway's clock, to the second; proves that the link carries data both ways."""
        (seconds,) = await self.ask_alone(CURRENT_TIME, lambda client: client.reqCurrentTime())
        return convert.epoch(seconds)

    # What the inbox tells (NoticeListener).

    def on_data(self) -> None:
        """Any bytes prove that the link is alive."""
        self._heartbeat.heard()

    def on_error(self, request_id: int, code: int, text: str) -> None:
        """An error message: for an open question, an own order, the login or everybody."""
        row = meaning_of(code, self._error_codes)
        if self._inbox.waits_for(request_id):
            error = RAISES.get(row.kind)
            if error is not None:
                self._inbox.fail(request_id, error(f"IB answered {code}: {text}", code=str(code)))
        elif self._orders.knows((self.client_id, request_id)):
            self._orders.on_order_error((self.client_id, request_id), code, text)
        elif request_id == _NO_REQUEST and str(code) == READ_ONLY:
            self._refuse_lists(text)
        elif code == ID_IN_USE and self._login is not None:
            self._login.refuse_id()
        else:
            log = _log.debug if row.kind is Kind.INFO else _log.warning
            log("ibkr.notice", code=code, kind=row.kind.value, text=text)
            self._on_notice(code, text)

    def on_unreadable(self, error: Exception) -> None:
        """News of an order made no sense: what is known of orders cannot be trusted any more."""
        self._cut(
            f"The session with {self.where} was ended because news of an order made no sense "
            f"({error}). Connect again to read all orders and executions anew."
        )

    def _refuse_lists(self, text: str) -> None:
        # Questions without a request id are refused without one.
        error = BrokerAPIError(
            f"The API of the gateway at {self.where} is read-only: it neither lists nor takes "
            "orders. Untick Read-Only API under Global Configuration > API > Settings. "
            f"(IB answered {READ_ONLY}: {text})",
            code=READ_ONLY,
        )
        for key in (OPEN_ORDERS, COMPLETED_ORDERS):
            self._inbox.fail(key, error)

    def on_closed(self, reason: str) -> None:
        """The socket is gone."""
        self._end(BrokerConnectionError(f"The session with {self.where} ended: {reason}."))

    def _on_dead(self, error: BrokerConnectionError) -> None:
        self._cut(f"The link to {self.where} is dead: {error}")

    def _cut(self, reason: str) -> None:
        if self._standing:
            if self._client is not None and self._client.conn.transport is not None:
                self._client.conn.transport.abort()
            self._end(BrokerConnectionError(reason))
