"""The network between clients and the server: a TCP proxy that can be cut, stopped and paused.

Bytes go in and come out unchanged, so TLS passes. What they mean is nobody's business here.
"""

import asyncio
import socket
import struct
from contextlib import suppress

_CHUNK = 65_536
#: SO_LINGER with no time: closing sends a reset instead of an orderly end
_RESET = struct.pack("ii", 1, 0)


class Wire:
    """Listens for clients and passes each on to the server at `target`, on loopback."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        #: the port that clients connect to, known once it listens; it stays the same from then on
        self.port = port
        self.target = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def listen(self) -> None:
        """Accept connections, on the port of before if there was one."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self.host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Stop listening; connections that exist go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def cut(self) -> None:
        """Reset every connection."""
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            if raw is not None:
                with suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def pause(self) -> None:
        """Black hole: connections stay, new ones too, but nothing goes through."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let everything through that waited."""
        self._flowing.set()

    async def close(self) -> None:
        """End all."""
        self.refuse()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, in both directions, until both have ended."""
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self._writers.discard(writer)
            writer.close()
            return
        self._writers.add(far_writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                self._writers.discard(end)
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on until the end, which is passed on as well."""
        with suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK):
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        await self._flowing.wait()
        writer.close()
