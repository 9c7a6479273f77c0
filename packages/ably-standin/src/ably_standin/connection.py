"""One WebSocket: what is sent on it, in order, and the channels that it is attached to.

Sending only queues, so that controls need not wait for a client that does not read.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientConnectionError, web

from .access import Grant
from .channels import split_qualifier
from .codec import Wire, encode
from .hub import Hub, Identity
from .protocol import Action, ErrorInfo, Flag


@dataclass(frozen=True, kw_only=True, slots=True)
class Close:
    """The end of the queue: the WebSocket is closed with this code."""

    code: int = 1000


@dataclass(eq=False, kw_only=True)
class Connection:
    """A client that is connected."""

    hub: Hub
    socket: web.WebSocketResponse
    grant: Grant
    identity: Identity
    binary: bool
    #: whether it goes on where a lost connection was
    resumed: bool = False
    client_id: str | None = None
    #: literal names (with qualifier) of attached channels, by bare name
    attached: dict[str, str] = field(default_factory=dict)
    _outgoing: asyncio.Queue[str | bytes | Close] = field(default_factory=asyncio.Queue)
    _heartbeat: asyncio.TimerHandle | None = None

    def send(self, frame: Mapping[str, Any]) -> None:
        """Queue a protocol message, unless its kind is muted."""
        if Action(frame["action"]).name.lower() not in self.hub.faults.muted:
            self.send_raw(encode(frame, binary=self.binary))

    def send_raw(self, frame: str | bytes) -> None:
        """Queue a WebSocket frame as it is."""
        self._outgoing.put_nowait(frame)

    def close(self, code: int = 1000) -> None:
        """Close the WebSocket after what is queued."""
        self._outgoing.put_nowait(Close(code=code))

    def deliver(self, channel: str, frame: Wire) -> None:
        """Send a MESSAGE if the channel is attached, under the name the client calls it."""
        literal = self.attached.get(channel)
        if literal is not None:
            self.send({**frame, "channel": literal})

    def fail(self, error: ErrorInfo) -> None:
        """End the connection with ERROR."""
        self.send({"action": Action.ERROR, "error": error.wire()})
        self.close()

    def send_connected(self, error: ErrorInfo | None = None) -> None:
        """Say who the client is to us, and how it may come back."""
        limits = self.hub.limits
        details = {
            "connectionKey": self.identity.key,
            "connectionStateTtl": limits.connection_state_ttl,
            "maxIdleInterval": limits.max_idle_interval,
            "maxMessageSize": 65_536,
            "serverId": "standin",
            "clientId": self.client_id,
        }
        self.send(
            _present(
                action=Action.CONNECTED,
                connectionId=self.identity.connection_id,
                connectionDetails=_present(**details),
                error=error.wire() if error else None,
            )
        )

    def send_attached(
        self,
        literal: str,
        *,
        flags: Flag,
        params: Mapping[str, str] | None = None,
        error: ErrorInfo | None = None,
    ) -> None:
        """Say that a channel is attached, from its head on."""
        self.send(
            _present(
                action=Action.ATTACHED,
                channel=literal,
                channelSerial=self.hub.channel(split_qualifier(literal)[0]).head,
                flags=int(flags),
                params=dict(params) if params else None,
                error=error.wire() if error else None,
            )
        )

    async def write(self) -> None:
        """Send what is queued, until the end or until the client is gone."""
        self._beat()
        try:
            while not isinstance(item := await self._outgoing.get(), Close):
                if isinstance(item, bytes):
                    await self.socket.send_bytes(item)
                else:
                    await self.socket.send_str(item)
            await self.socket.close(code=item.code)
        except ClientConnectionError:
            pass  # its reader has seen the end as well
        finally:
            if self._heartbeat is not None:
                self._heartbeat.cancel()

    def _beat(self) -> None:
        if self._heartbeat is not None:
            self.send({"action": Action.HEARTBEAT})
        # Well within what the client was promised.
        seconds = self.hub.limits.max_idle_interval / 1_000 * 0.7
        self._heartbeat = asyncio.get_running_loop().call_later(seconds, self._beat)


def _present(**fields: object) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
