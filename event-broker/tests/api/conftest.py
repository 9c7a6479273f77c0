"""The API over a real store, served on loopback, behind a service that only says how it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.api import Health, Progress, create_api, serve_api
from app.settings import Settings, load_settings
from app.store import Store, open_store

KEY = "key-of-an-operator"
READ_KEY = "key-of-a-reader"
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


_WELL = Health(ready=True)


@dataclass
class Service:
    """What the API needs of a service, and nothing else."""

    store: Store
    settings: Settings
    state: Health = _WELL
    told: list[Progress] = field(default_factory=list)

    def health(self) -> Health:
        return self.state

    def now(self) -> datetime:
        return NOW

    def progress(
        self, event_id: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Progress]]:
        return self._progress(event_id)

    @asynccontextmanager
    async def _progress(self, event_id: str | None) -> AsyncIterator[AsyncIterator[Progress]]:
        async def tell() -> AsyncIterator[Progress]:
            for progress in self.told:
                if event_id in (None, progress.event_id):
                    yield progress

        yield tell()


@pytest.fixture
def variables() -> dict[str, str]:
    """The environment of the service."""
    return {"MANAGEMENT_API_KEY": KEY}


@pytest.fixture
def service(home: Path, variables: dict[str, str], sqlite_url: str) -> Iterator[Service]:
    """A service in simulation with the accounts DU100 (alpha), DU200 (disabled), U300 (live)."""
    with open_store(sqlite_url) as store:
        yield Service(store=store, settings=load_settings(home, variables))


@pytest.fixture
async def anybody(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a key."""
    async with (
        serve_api(create_api(service), "127.0.0.1", 0) as server,
        httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}") as client,
    ):
        yield client


@pytest.fixture
def operator(anybody: httpx.AsyncClient) -> httpx.AsyncClient:
    """A caller who may change things."""
    anybody.headers["Authorization"] = f"Bearer {KEY}"
    return anybody
