"""The stand-in itself: one app with its WebSocket and REST on one port."""

import ssl
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from aiohttp import web

from .clock import ServerClock, system_milliseconds
from .controls import Controls
from .hub import Hub, Limits
from .realtime import Realtime
from .rest import Rest
from .wire import Wire

DEFAULT_KEY = "standin.key:secret"


class AblyStandin(Controls):
    """A server for Ably's SDKs, as an async context manager; its controls are `Controls`."""

    def __init__(
        self,
        *,
        keys: Iterable[str] = (DEFAULT_KEY,),
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        milliseconds: Callable[[], int] = system_milliseconds,
    ) -> None:
        """Listen at `host` and `port` (0: any free one), with TLS if there is a context.

        `keys` are `app.id:secret` and may do everything until a control says otherwise;
        `milliseconds` is the time of the server, to which `advance` adds.
        """
        hub = Hub(keys, ServerClock(milliseconds), limits or Limits())
        super().__init__(hub, Wire(host, port))
        self._tls = tls
        rest, realtime = Rest(hub), Realtime(hub)
        app = web.Application(middlewares=[rest.answer])
        app.add_routes([web.get("/", realtime.accept), *rest.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.wire.target = self._runner.addresses[0][1]
        await self.wire.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hub.stopping.set()
        await self.wire.close()
        await self._runner.cleanup()
