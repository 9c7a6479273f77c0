"""What the API needs of the service around it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from app.settings import Settings
from app.store import Store


class Health(NamedTuple):
    """How the service is, as it knows without asking anybody."""

    #: It does what its role is: an orchestrator may send it work.
    ready: bool
    #: What is wrong although it works, one line each; needs a person, not a restart.
    degraded: tuple[str, ...] = ()


class Progress(NamedTuple):
    """Something that a running event tells of itself."""

    event_id: str
    account_id: str
    #: JSON document, as the account process wrote it.
    body: Mapping[str, object]


class Backend(Protocol):
    """The service, as the API sees it."""

    @property
    def store(self) -> Store:
        """What the service works on."""

    @property
    def settings(self) -> Settings:
        """The configuration in force; another value after a reload."""

    def health(self) -> Health:
        """Cheap enough to be asked every second."""

    def now(self) -> datetime:
        """The time, aware."""

    def progress(
        self, event_id: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Progress]]:
        """What running events of this process tell from now on: of one, or of all of them."""
