"""A relay that records what API clients and a real gateway say to each other.

Clients connect to it, it connects to the gateway, and every byte goes on as it came. Frames are
written down beside that. What cannot be read as frames is still passed on, and recorded no more.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import closing, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from .faults.rules import Direction
from .frames import CLIENT_PREFIX, FrameDecoder, WireError
from .transcript import Recorder

_LOG = logging.getLogger(__name__)
_CHUNK = 64 * 1024


class Relay:
    """An async context that listens. `target` is the gateway's host and port."""

    def __init__(
        self, target: tuple[str, int], recorder: Recorder, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._target = target
        self._recorder = recorder
        self._host = host
        self._port = port
        self._count = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        number = self._count
        with closing(writer):
            try:
                far_reader, far_writer = await asyncio.open_connection(*self._target)
            except OSError as error:
                _LOG.error("gateway not reached error=%s", error)
                return
            with closing(far_writer):
                await _first_of(
                    self._pump(reader, far_writer, number, Direction.REQUEST),
                    self._pump(far_reader, writer, number, Direction.REPLY),
                )

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
        direction: Direction,
    ) -> None:
        """Pass on what one side says until it ends its connection."""
        prefix = CLIENT_PREFIX if direction is Direction.REQUEST else b""
        decoder: FrameDecoder | None = FrameDecoder(prefix=prefix)
        hello = True
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                writer.write(data)
                try:
                    for payload in decoder.feed(data) if decoder is not None else ():
                        now = datetime.now(UTC)
                        self._recorder.note(now, number, direction, payload, hello=hello)
                        hello = False
                except WireError as error:
                    _LOG.warning("recorded no further direction=%s error=%s", direction, error)
                    decoder = None
                await writer.drain()


async def _first_of(*coroutines: Coroutine[None, None, None]) -> None:
    """Run all until the first has ended."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
