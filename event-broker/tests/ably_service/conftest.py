"""The service against the stand-in, through the real SDK: in a hurry, with a store in a file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ably_standin import DEFAULT_KEY, AblyStandin
from app.ably_service import AblyService, AblyStatus, AlertKind, FeedStatus, Patience
from app.store import Store, open_store
from app.store.records import StoredMessage

#: About a hundredth of the real intervals.
HURRY = Patience(
    sweep_every=0.5,
    indexing=0.05,
    retry_first=0.02,
    ping_every=0.1,
    ping=0.6,
    disconnected=1.5,
    close=0.2,
    refused=0.2,
    request=2.0,
    sdk={
        "realtime_request_timeout": 600,
        "disconnected_retry_timeout": 50,
        "suspended_retry_timeout": 100,
        "channel_retry_timeout": 50,
    },
)
#: Seconds after which a test has failed.
_PATIENCE = 20.0


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What the service reads of the environment."""

    ably_endpoint: str | None
    ably_key: SecretStr | None = field(default_factory=lambda: SecretStr(DEFAULT_KEY))
    ably_rest_endpoint: str | None = None
    ably_rest_port: int | None = None
    ably_tls: bool = False
    ably_history_retention: int = 120


class Ingestion:
    """A service that ingests, and what can be seen of it."""

    def __init__(self, ably: AblyStandin, store: Store) -> None:
        self.store = store
        self.environment = Environment(ably_endpoint=ably.endpoint)
        self.patience = HURRY
        self.alerts: list[tuple[AlertKind, str]] = []
        self.service: AblyService | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._unsubscribe = store.wake.subscribe(self._tell)

    def start(self, *channels: str) -> None:
        """Begin as a new process would."""
        self.service = AblyService(
            self.environment,
            self.store,
            channels,
            self._alert,
            changed=self._tell,
            patience=self.patience,
        )
        self.service.start()

    async def stop(self) -> None:
        if self.service is not None:
            assert await asyncio.to_thread(self.service.close, 5.0)
            self.service = None

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so, looking whenever something has changed."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not condition():
                    await self._news.wait()
                    self._news.clear()
        except TimeoutError:
            status = self.service and self.service.status()
            raise AssertionError(f"{status}\n{self.alerts}\n{self.payloads()}") from None

    async def a_moment(self, seconds: float) -> None:
        """Let things happen until something has changed, but not longer than this."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        self._news.clear()

    async def caught_up(self, *channels: str) -> None:
        """Wait until everything is well on these channels."""
        await self.until(lambda: all(self.feed(channel).healthy for channel in channels))

    @property
    def status(self) -> AblyStatus:
        assert self.service is not None
        return self.service.status()

    def feed(self, channel: str) -> FeedStatus:
        feeds = {feed.channel: feed for feed in self.status.feeds}
        return feeds.get(channel, FeedStatus(channel=channel))

    def alerted(self, kind: AlertKind) -> list[str]:
        return [text for known, text in self.alerts if known is kind]

    def recorded(self, channel: str | None = None) -> list[StoredMessage]:
        """Oldest first."""
        return list(reversed(self.store.messages.list(1_000, channel=channel)))

    def payloads(self, channel: str | None = None) -> list[Any]:
        return [json.loads(stored.message.raw).get("data") for stored in self.recorded(channel)]

    def close(self) -> None:
        self._unsubscribe()

    def _alert(self, kind: AlertKind, text: str) -> None:
        self.alerts.append((kind, text))
        self._tell()

    def _tell(self) -> None:
        self._loop.call_soon_threadsafe(self._news.set)


@pytest.fixture
async def ably() -> AsyncIterator[AblyStandin]:
    async with AblyStandin() as standin:
        yield standin


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'events.db'}") as opened:
        yield opened


@pytest.fixture
async def spare(store: Store) -> AsyncIterator[tuple[AblyStandin, Ingestion]]:
    """A second process on the same store, with a way to Ably of its own."""
    async with AblyStandin() as standin:
        ingestion = Ingestion(standin, store)
        yield standin, ingestion
        await ingestion.stop()
        ingestion.close()


@pytest.fixture
async def ingestion(ably: AblyStandin, store: Store) -> AsyncIterator[Ingestion]:
    ingestion = Ingestion(ably, store)
    yield ingestion
    await ingestion.stop()
    ingestion.close()
