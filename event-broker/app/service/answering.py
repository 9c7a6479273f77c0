"""What a process of a role answers over HTTP, and where; also while it has no store yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from app.api import Backend, create_api, serve_api
from app.settings import Environment, Settings
from app.store import Store, StoreUnavailable

from .health import Health
from .progress import ProgressBoard
from .roles import Role

_log = structlog.get_logger(__name__)

#: Where the management API is when API_PORT does not say.
_API_PORT = 8000


@asynccontextmanager
async def answering(
    backend: Backend, environment: Environment, role: Role, *, probes_only: bool = False
) -> AsyncIterator[str]:
    """Answer what the role asks for, or only probes; the address. Raises `AddressTaken`."""
    manages = role.includes(Role.API)
    port = environment.api_port
    if port is None:
        port = _API_PORT if manages else 0
    api = create_api(backend, probes_only=probes_only or not manages)
    async with serve_api(api, environment.api_host, port) as server:
        _log.info("api.listening", host=server.host, port=server.port)
        yield f"{server.host}:{server.port}"


class Waiting:
    """A service that has no store yet, for its probes: it lives, and is not ready."""

    def __init__(self, settings: Settings, error: StoreUnavailable) -> None:
        self._settings = settings
        #: Why there is no store.
        self.error = error
        self.progress = ProgressBoard()

    @property
    def store(self) -> Store:
        """Raises `StoreUnavailable`."""
        raise self.error

    def current_settings(self) -> Settings:
        """Those of the start."""
        return self._settings

    async def health(self) -> Health:
        """Not ready."""
        return Health(ready=False, degraded=(f"store: {self.error}",), statistics=None)
