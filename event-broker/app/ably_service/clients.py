"""Builds the SDK's two clients: one for live messages, one for history.

They are never one object: the realtime client's own REST goes to a wrong address when the endpoint
has a port, and with a token it hangs.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ably import AblyRealtime, AblyRest

from .options import Access


def realtime_client(access: Access, sdk_options: dict[str, Any]) -> Any:
    """A client that begins to connect at once. Call it on the event loop that it is to live on.

    Raises `AblyException` (40101) for a key without a colon.
    """
    given: dict[str, Any] = {
        "tls": access.tls,
        "use_binary_protocol": False,
        # Heartbeats as protocol messages: the SDK's idle timer does not see WebSocket pings.
        "transport_params": {"heartbeats": "true"},
        **sdk_options,
    }
    if access.endpoint is not None:
        given["endpoint"] = access.endpoint
    return AblyRealtime(access.key, **given)


def rest_client(access: Access) -> Any:
    """A client for history and time. Raises as `realtime_client` does."""
    given: dict[str, Any] = {
        "tls": access.tls,
        # Raw rows are to be JSON.
        "use_binary_protocol": False,
        # The SDK refuses to send the key itself without TLS.
        "use_token_auth": not access.tls or None,
    }
    if access.rest_endpoint is not None:
        given["endpoint"] = access.rest_endpoint
    if access.rest_port is not None:
        given["tls_port" if access.tls else "port"] = access.rest_port
    return AblyRest(access.key, **given)


class Sockets:
    """The sockets of a realtime client, to be rid of those that it cannot close.

    On a connection that is dead the SDK waits ten seconds for the other side to say goodbye, and
    while it waits, its timer may open one more, which it then forgets to close.
    """

    def __init__(self, client: Any) -> None:
        self._transports: list[Any] = []
        self._aborted = False
        client.connection.connection_manager.on("transport.pending", self._note)

    def abort(self) -> None:
        """Close all of them at once, also those that are still connecting, and let none follow."""
        self._aborted = True
        for transport in self._transports:
            _abort(transport)

    def _note(self, transport: Any) -> None:
        if self._aborted:  # its task is made right after this, and has then not begun
            asyncio.get_running_loop().call_soon(_abort, transport)
            return
        self._transports = [known for known in self._transports if _is_open(known)]
        self._transports.append(transport)


def _abort(transport: Any) -> None:
    if transport.websocket is not None:
        transport.websocket.transport.abort()
    elif transport.ws_connect_task is not None:
        transport.ws_connect_task.cancel()


def _is_open(transport: Any) -> bool:
    if transport.websocket is None:
        return not transport.ws_connect_task.done()
    return transport.websocket.close_code is None
