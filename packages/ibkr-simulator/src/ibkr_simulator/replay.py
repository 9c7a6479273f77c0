"""A server that answers like a recording.

A transcript comes in; the first client that connects gets the first recorded connection, and so on.
Replies are sent when the requests before them in the recording have come, by name and in any order;
what else the client asks is counted and not answered. There is no market and no state: numbers of
requests and orders are those of the recording, so the client has to be the same program.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from .codec import request_name
from .faults.rules import Direction
from .frames import CLIENT_PREFIX, FrameDecoder, WireError, encode_frame
from .transcript import HELLO, Entry

_LOG = logging.getLogger(__name__)


class ReplayServer:
    """An async context that listens and replays one recorded connection after the other."""

    def __init__(self, entries: Iterable[Entry], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._scripts: dict[int, deque[Entry]] = {}
        for entry in entries:
            self._scripts.setdefault(entry.connection, deque()).append(entry)
        self._waiting = deque(self._scripts.values())
        self._players: set[_Player] = set()
        #: requests that the recording does not have, by name
        self.unexpected: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, self._host, self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for player in tuple(self._players):
            player.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def entries_left(self) -> int:
        """How many recorded frames have been neither sent nor asked for."""
        return sum(len(script) for script in self._scripts.values())

    def _connect(self) -> asyncio.Protocol:
        script = self._waiting.popleft() if self._waiting else deque()
        return _Player(script, self.unexpected, self._players)


class _Player(asyncio.Protocol):
    """One connection. Without a script left it closes at once."""

    def __init__(
        self, script: deque[Entry], unexpected: Counter[str], players: set["_Player"]
    ) -> None:
        self._script = script
        self._unexpected = unexpected
        self._players = players
        self._decoder = FrameDecoder(prefix=CLIENT_PREFIX)
        #: what has come and is not yet accounted for
        self._heard: Counter[str] = Counter()
        self._greeted = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._players.add(self)
        if not self._script:
            self.close()

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._decoder.feed(data):
                self._take(payload)
        except WireError as error:
            _LOG.warning("client broke the protocol error=%s", error)
            self.close()
            return
        self._play()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._players.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _take(self, payload: bytes) -> None:
        name = request_name(payload) if self._greeted else HELLO
        self._greeted = True
        expected = sum(
            entry.name == name and entry.direction is Direction.REQUEST for entry in self._script
        )
        if expected > self._heard[name]:
            self._heard[name] += 1
        else:
            self._unexpected[name] += 1

    def _play(self) -> None:
        """Send what may be sent now: all up to a request that has not come yet."""
        while self._script and self._transport is not None:
            entry = self._script[0]
            if entry.direction is Direction.REPLY:
                self._transport.write(encode_frame(entry.payload))
            elif self._heard[entry.name]:
                self._heard[entry.name] -= 1
            else:
                return
            self._script.popleft()
