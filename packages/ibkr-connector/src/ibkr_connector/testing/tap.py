"""A relay between API clients and a gateway that sees every message and can misbehave.

Comes in: TCP connections on a loopback port. Goes out: the same bytes to the gateway and back,
except where a rule swallows a message, acts on it, or says something the gateway never said.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

_HELLO = 4  # the bytes "API\\0" before the first frame

Fields = list[str]
Action = Callable[[Fields], object]
"""Called with a message's fields; True swallows the message."""


def _frame(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


@dataclass(kw_only=True)
class _Rule:
    message: int
    action: Action
    times: int | None
    swallow: bool


@dataclass(eq=False)
class _Relay:
    client: asyncio.StreamWriter
    gateway: asyncio.StreamWriter

    def abort(self) -> None:
        self.client.transport.abort()
        self.gateway.transport.abort()


@dataclass
class Tap:
    """Use as an async context; `target` is the gateway's port, `port` the tap's."""

    target: int
    port: int = 0
    #: Every message of every client, as fields, with the loop's time.
    sent: list[tuple[float, Fields]] = field(default_factory=list)
    frozen: bool = False
    _passed: asyncio.Event = field(default_factory=asyncio.Event)
    _requests: list[_Rule] = field(default_factory=list)
    _replies: list[_Rule] = field(default_factory=list)
    _relays: set[_Relay] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Tap:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    def on_request(
        self, message: int, action: Action, *, times: int | None = 1, swallow: bool = False
    ) -> None:
        """Let `action` see the next `times` client messages of this number (None: all)."""
        self._requests.append(_Rule(message=message, action=action, times=times, swallow=swallow))

    def on_reply(
        self, message: int, action: Action, *, times: int | None = 1, swallow: bool = False
    ) -> None:
        """The same for messages of the gateway."""
        self._replies.append(_Rule(message=message, action=action, times=times, swallow=swallow))

    def swallow_requests(self, message: int, *, times: int | None = 1) -> None:
        """The gateway never hears of them."""
        self.on_request(message, lambda _: None, times=times, swallow=True)

    def swallow_replies(self, message: int, *, times: int | None = 1) -> None:
        """The client never hears of them."""
        self.on_reply(message, lambda _: None, times=times, swallow=True)

    def say(self, *fields: object) -> None:
        """Tell every client something that the gateway never said."""
        payload = b"".join(str(value).encode() + b"\0" for value in fields)
        for relay in self._relays:
            relay.client.write(_frame(payload))

    def drop(self) -> None:
        """Break every connection without a goodbye."""
        for relay in tuple(self._relays):
            relay.abort()

    def hang_up(self) -> None:
        """Close the clients' side; what they have sent still reaches the gateway."""
        for relay in tuple(self._relays):
            relay.client.transport.abort()

    async def passed(self) -> None:
        """Return when the next message, of either side, has passed or was swallowed."""
        self._passed.clear()
        await self._passed.wait()

    def numbers(self) -> list[int]:
        """The message numbers that clients have sent."""
        return [int(fields[0]) for _, fields in self.sent]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            upstream, gateway = await asyncio.open_connection("127.0.0.1", self.target)
        except ConnectionError:
            writer.transport.abort()
            return
        relay = _Relay(writer, gateway)
        self._relays.add(relay)
        try:
            await asyncio.gather(
                self._requests_of(reader, relay), self._replies_of(upstream, relay)
            )
        finally:
            self._relays.discard(relay)
            relay.abort()

    async def _requests_of(self, reader: asyncio.StreamReader, relay: _Relay) -> None:
        async def forward() -> None:
            relay.gateway.write(await reader.readexactly(_HELLO))
            await self._pump_frame(reader, relay.gateway, lambda _: False)  # the version range
            while True:
                await self._pump_frame(reader, relay.gateway, self._saw_request)

        await _until_closed(forward(), relay.gateway)

    async def _replies_of(self, reader: asyncio.StreamReader, relay: _Relay) -> None:
        async def forward() -> None:
            await self._pump_frame(reader, relay.client, lambda _: False)  # the server's version
            while True:
                await self._pump_frame(reader, relay.client, self._saw_reply)

        await _until_closed(forward(), relay.client)

    async def _pump_frame(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        swallowed: Callable[[Fields], bool],
    ) -> None:
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        payload = await reader.readexactly(size)
        if not swallowed(payload.decode().split("\0")[:-1]) and not self.frozen:
            writer.write(_frame(payload))
        self._passed.set()

    def _saw_request(self, fields: Fields) -> bool:
        self.sent.append((asyncio.get_running_loop().time(), fields))
        return _apply(self._requests, fields)

    def _saw_reply(self, fields: Fields) -> bool:
        return _apply(self._replies, fields)


def _apply(rules: list[_Rule], fields: Fields) -> bool:
    for rule in tuple(rules):
        if rule.message == int(fields[0]):
            if rule.times is not None:
                rule.times -= 1
                if not rule.times:
                    rules.remove(rule)
            return rule.action(fields) is True or rule.swallow
    return False


async def _until_closed(forwarding: Awaitable[None], other_side: asyncio.StreamWriter) -> None:
    """Forward until one side closes, then close the other after what was written."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        await forwarding
    other_side.close()
