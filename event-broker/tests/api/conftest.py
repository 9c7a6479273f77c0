"""The API over a real store, served on loopback, behind a service that only says how it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.api import HealthNow, create_api, serve_api
from app.events import Statistics
from app.service.progress import ProgressBoard
from app.settings import Settings, load_settings
from app.store import Store, open_store

KEY = "key-of-an-operator"
READ_KEY = "key-of-a-reader"
#: Later than any machine that runs this: an arming from then on has not ended.
NOW = datetime(2100, 3, 2, 15, 0, tzinfo=UTC)


@dataclass(kw_only=True)
class State:
    """How the service says that it is."""

    ready: bool = True
    degraded: tuple[str, ...] = ()
    statistics: Statistics | None = None


@dataclass
class Service:
    """What the API needs of a service, and nothing else."""

    store: Store
    settings: Settings
    progress: ProgressBoard = field(default_factory=ProgressBoard)
    state: State = field(default_factory=State)
    #: Set when somebody asks how it is, who is told once the other one is set.
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    tells: asyncio.Event | None = None

    def current_settings(self) -> Settings:
        return self.settings

    async def health(self) -> HealthNow:
        self.asked.set()
        if self.tells is not None:
            await self.tells.wait()
        return self.state


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
        serve_api(create_api(service, now=lambda: NOW), "127.0.0.1", 0) as server,
        httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}", timeout=30) as client,
    ):
        yield client


@pytest.fixture
def operator(anybody: httpx.AsyncClient) -> httpx.AsyncClient:
    """A caller who may change things."""
    anybody.headers["Authorization"] = f"Bearer {KEY}"
    return anybody
