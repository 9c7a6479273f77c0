"""The WebSocket endpoint: who connects, and what each protocol message of a client does."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from aiohttp import WSMsgType, web

from .access import Grant
from .attaching import attach
from .channels import split_qualifier
from .codec import Wire, decode, encode
from .connection import Connection
from .hub import Hub, Identity
from .protocol import (
    BAD_KEY,
    BAD_REQUEST,
    BAD_RESUME_KEY,
    CANNOT_RESUME,
    Action,
    ErrorInfo,
    Refused,
)
from .received import Received

#: seconds that a client has for its half of the closing handshake
_CLOSING = 1.0


class Realtime:
    """Accepts WebSockets."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._handlers: dict[Action, Callable[[Connection, Wire], None]] = {
            Action.HEARTBEAT: lambda connection, frame: connection.send(frame),
            Action.ATTACH: attach,
            Action.DETACH: _detach,
            Action.MESSAGE: _publish,
            Action.AUTH: _reauthorise,
            Action.CLOSE: _close,
        }

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        query = dict(request.query)
        self._hub.received.add(Received(kind="connect", name="CONNECT", detail=query))
        if self._hub.faults.upgrade_status is not None:
            return web.Response(status=self._hub.faults.upgrade_status, text="refused on purpose")
        socket = web.WebSocketResponse(timeout=_CLOSING)
        await socket.prepare(request)
        try:
            grant = _authenticate(self._hub, query)
        except Refused as refused:
            await _turn_away(socket, refused.error, binary=query.get("format") == "msgpack")
            return socket
        await self._serve(socket, grant, query)
        return socket

    async def _serve(
        self, socket: web.WebSocketResponse, grant: Grant, query: Mapping[str, str]
    ) -> None:
        identity, error = _identify(self._hub, query.get("resume"))
        connection = Connection(
            hub=self._hub,
            socket=socket,
            grant=grant,
            identity=identity,
            binary=query.get("format") == "msgpack",
            resumed="resume" in query and error is None,
            client_id=query.get("clientId"),
        )
        writer = asyncio.create_task(connection.write())
        self._hub.connections.add(connection)
        connection.send_connected(error)
        try:
            async for received in socket:
                if received.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._handle(connection, received.data)
        finally:
            self._hub.connections.discard(connection)
            identity.lost_at = self._hub.clock.now()
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer

    def _handle(self, connection: Connection, raw: str | bytes) -> None:
        try:
            frame = decode(raw, binary=connection.binary)
            action = Action(frame["action"])
            handler = self._handlers[action]
        except (ValueError, TypeError, KeyError):
            connection.fail(BAD_REQUEST)
            return
        channel = frame.get("channel")
        self._hub.received.add(
            Received(kind="frame", name=action.name, channel=channel, detail=frame)
        )
        try:
            handler(connection, frame)
        except Refused as refused:
            error = refused.error.wire()
            connection.send({"action": Action.ERROR, "channel": channel, "error": error})


def _authenticate(hub: Hub, query: Mapping[str, str]) -> Grant:
    if "accessToken" in query:
        return hub.access.by_token(query["accessToken"], hub.clock.now())
    if "key" in query:
        return hub.access.by_key(query["key"])
    raise Refused(BAD_KEY)


async def _turn_away(socket: web.WebSocketResponse, error: ErrorInfo, *, binary: bool) -> None:
    """Bad credentials are told on the WebSocket, not by an HTTP status."""
    frame = encode({"action": Action.ERROR, "error": error.wire()}, binary=binary)
    if isinstance(frame, bytes):
        await socket.send_bytes(frame)
    else:
        await socket.send_str(frame)
    await socket.close()


def _identify(hub: Hub, resume: str | None) -> tuple[Identity, ErrorInfo | None]:
    """The connection that is resumed, or a new one and why it is not the old one."""
    known = hub.identities.get(resume or "")
    if known is not None:
        lost_at = known.lost_at
        if lost_at is None or hub.clock.now() - lost_at <= hub.limits.connection_state_ttl:
            known.lost_at = None
            return known, None
    identity = Identity()
    hub.identities[identity.key] = identity
    if resume is None:
        return identity, None
    return identity, CANNOT_RESUME if "!" in resume else BAD_RESUME_KEY


def _detach(connection: Connection, frame: Wire) -> None:
    literal = str(frame["channel"])
    connection.attached.pop(split_qualifier(literal)[0], None)
    connection.send({"action": Action.DETACHED, "channel": literal})


def _publish(connection: Connection, frame: Wire) -> None:
    """A client publishes: ACK with the serials of its messages, or NACK."""
    name = split_qualifier(str(frame["channel"]))[0]
    reply: Wire = {"action": Action.ACK, "msgSerial": frame.get("msgSerial", 0), "count": 1}
    try:
        connection.grant.require("publish", name)
    except Refused as refused:
        connection.send({**reply, "action": Action.NACK, "error": refused.error.wire()})
        return
    hub = connection.hub
    published = hub.accept(name, frame.get("messages") or [], connection.identity.connection_id)
    serials = [item["serial"] for item in published.items()]
    connection.send({**reply, "res": [{"serials": serials}]})


def _reauthorise(connection: Connection, frame: Wire) -> None:
    token = str((frame.get("auth") or {}).get("accessToken"))
    hub = connection.hub
    try:
        connection.grant = hub.access.by_token(token, hub.clock.now())
    except Refused as refused:
        connection.fail(refused.error)
        return
    connection.send_connected()


def _close(connection: Connection, _frame: Wire) -> None:
    connection.hub.identities.pop(connection.identity.key, None)
    connection.send({"action": Action.CLOSED})
    connection.close()
