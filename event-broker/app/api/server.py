"""The API on a socket, in the service's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

import uvicorn
from fastapi import FastAPI

from .connections import ANSWER_SECONDS, MAX_CONNECTIONS, REQUEST_SECONDS, LimitedConfig

#: Streams of progress end when the service does; nothing else takes long.
_SHUTDOWN_SECONDS = 2


class ApiServer(NamedTuple):
    """Where the API is served."""

    host: str
    port: int


class AddressTaken(Exception):
    """The API cannot listen where it should; nothing was begun."""


class _Server(uvicorn.Server):
    """Leaves signals to the service, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        # Python adds the address, as a tuple, to some of the system's words.
        reason = str(error.strerror).partition(" (while ")[0]
        raise AddressTaken(
            f"the API cannot listen on {host}:{port} ({reason}); nothing was begun. Set API_PORT "
            "to another port (0: any free one) or end what has this one; API_HOST is the address"
        ) from error


@asynccontextmanager
async def serve_api(
    api: FastAPI,
    host: str,
    port: int,
    *,
    max_connections: int = MAX_CONNECTIONS,
    request_seconds: float = REQUEST_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
) -> AsyncIterator[ApiServer]:
    """Serve it for the block; port 0 takes any free one. Raises `AddressTaken`.

    A connection that sends no whole request for so long is closed, and when there are too many; and
    one whose answer has not ended after `answer_seconds`.
    """
    listener = _listen(host, port)
    config = LimitedConfig(
        api,
        max_connections=max_connections,
        request_seconds=request_seconds,
        answer_seconds=answer_seconds,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # Whoever is near enough could say anything of where it is.
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        listens = asyncio.create_task(server.listens.wait())
        await asyncio.wait({serving, listens}, return_when=asyncio.FIRST_COMPLETED)
        listens.cancel()
        if serving.done():
            await serving
        yield ApiServer(*listener.getsockname()[:2])
    finally:
        server.should_exit = True
        await serving
        listener.close()
