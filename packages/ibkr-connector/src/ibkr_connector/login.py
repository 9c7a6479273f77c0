"""One attempt to log in, from the first byte to a session that can place orders.

Comes in: an address, a client id and a deadline. Goes out: a logged-in client of ib_async, or the
reason why there is none, as soon as there is a reason: ib_async alone would wait for its timeout.
"""

from __future__ import annotations

import asyncio

from ib_async import Client

from broker_connector_base import BrokerConnectionError, ClientIdInUse

from .paced_client import OrdersFirstClient
from .wire import Inbox

#: The gateway's word for a client id that is taken; it hangs up after it.
ID_IN_USE = 326

#: How long a closing socket may take to flush before it is cut.
_CLOSE_SECONDS = 1.0


class Login:
    """An attempt; good for one `attempt`."""

    def __init__(self, inbox: Inbox, host: str, port: int, *, client_id: int) -> None:
        self._host, self._port, self._client_id = host, port, client_id
        self._where = f"{host}:{port}"
        self._client: Client = OrdersFirstClient(inbox)
        self._client.apiError += self._on_api_error
        self._refusal: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def attempt(self, timeout_seconds: float) -> Client:
        """The client when it is ready; raises `BrokerConnectionError`."""
        task = asyncio.get_running_loop().create_task(
            self._client.connectAsync(self._host, self._port, self._client_id, timeout=None)
        )
        try:
            await asyncio.wait(
                {task, self._refusal},
                timeout=timeout_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not task.done():
                self._refuse(
                    f"did not log client {self._client_id} in within {timeout_seconds:g} s. "
                    "Nothing was sent. Look for a dialog at the gateway."
                )
                self._refusal.result()  # raises this reason, or an earlier one
            await task
        except OSError as error:
            raise BrokerConnectionError(
                f"No gateway listens at {self._where} ({error}). Nothing was sent. Start TWS or "
                "IB Gateway with the API enabled, or correct host and port."
            ) from error
        except BaseException:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await close(self._client)
            raise
        finally:
            if self._refusal.done():
                self._refusal.exception()  # heard, even where another error says more
        return self._client

    def refuse_id(self) -> None:
        """The gateway says that the client id is taken."""
        if not self._refusal.done():
            self._refusal.set_exception(
                ClientIdInUse(
                    f"Client id {self._client_id} is already in use at {self._where}. Nothing was "
                    "sent. Wait for the other session to end, or end it."
                )
            )

    def _on_api_error(self, message: str) -> None:
        self._refuse(f"ended the login of client {self._client_id} ({message}). Nothing was sent.")

    def _refuse(self, what: str) -> None:
        if not self._refusal.done():
            self._refusal.set_exception(
                BrokerConnectionError(f"The gateway at {self._where} {what}")
            )


async def close(client: Client) -> None:
    """Close the client's socket; returns when it is gone."""
    transport = client.conn.transport
    if transport is None:
        client.disconnect()
        return
    closed = asyncio.Event()
    client.conn.disconnected.connect(lambda _message: closed.set(), keep_ref=True)
    try:
        client.disconnect()
    except OSError:
        # The other side has reset the connection, and this side has not heard of it yet: ib_async
        # wants to close its half in order, and there is no half left.
        transport.abort()
    try:
        await asyncio.wait_for(closed.wait(), _CLOSE_SECONDS)
    except TimeoutError:
        transport.abort()
