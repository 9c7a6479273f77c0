"""The controls over HTTP, on loopback: `POST /<name>` with a JSON object of its arguments.

The reply is `{"result": ...}`, or `{"error": ...}` with status 400 or 404.
"""

import inspect
import json

from aiohttp import web

from .controls import CONTROLS, Controls
from .protocol import Refused


class ControlPort:
    """Serves the controls of a stand-in, as an async context manager."""

    def __init__(self, controls: Controls, port: int) -> None:
        """Listen on this loopback port; 0 takes any free one."""
        self.port = port
        self._controls = controls
        app = web.Application()
        app.add_routes([web.post("/{name}", self._answer)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)

    async def __aenter__(self) -> "ControlPort":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in CONTROLS:
            known = ", ".join(CONTROLS)
            return web.json_response({"error": f"no control {name}; there are {known}"}, status=404)
        try:
            arguments = json.loads(await request.text() or "{}")
            result = getattr(self._controls, name)(**arguments)
            if inspect.isawaitable(result):
                result = await result
        except (TypeError, ValueError, LookupError, Refused) as error:
            return web.json_response({"error": f"{name}: {error}"}, status=400)
        return web.json_response({"result": result})
