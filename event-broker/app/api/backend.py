"""What the API needs of the service around it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Protocol

from app.events import Statistics
from app.settings import Settings
from app.store import Store


class HealthNow(Protocol):
    """How the service is at one moment."""

    @property
    def ready(self) -> bool:
        """It does what its role is: an orchestrator may send it work."""

    @property
    def degraded(self) -> tuple[str, ...]:
        """What is wrong although it works, one line each; needs a person, not a restart."""

    @property
    def statistics(self) -> Statistics | None:
        """Counts of the queue; None while the store cannot be used."""


class ProgressOfEvents(Protocol):
    """What running events of this process tell."""

    def heard_of(self, begun: Callable[[], None]) -> AbstractContextManager[None]:
        """For the block, call when an event begins to tell: after it was claimed in the store."""

    def is_running(self, event_id: str) -> bool:
        """Whether this process is working the event now."""

    def watch(self, event_id: str) -> AsyncIterator[bytes]:
        """JSON documents, from the beginning of the event's attempt to its end."""


class Backend(Protocol):
    """The service, as the API sees it."""

    @property
    def store(self) -> Store:
        """What the service works on."""

    @property
    def progress(self) -> ProgressOfEvents:
        """What running events tell."""

    def current_settings(self) -> Settings:
        """The configuration in force; another value after a reload."""

    async def health(self) -> HealthNow:
        """Never raises; a store that cannot be used is not ready."""
