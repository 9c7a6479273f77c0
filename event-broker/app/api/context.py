"""What every request finds: the service behind it, and the limits on its sender."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request

from app.settings import Settings
from app.store import Store
from app.switches import Asker, Switches

from .backend import Backend
from .limits import Places, RateLimit

#: Who did it, in the store's records.
BY = "api"
_ASKER = Asker(name=BY, way="through the API")


class Context:
    """One for each application."""

    def __init__(
        self,
        backend: Backend,
        *,
        now: Callable[[], datetime],
        changes: RateLimit,
        failed_logins: RateLimit,
        reads: Places,
        streams: Places,
    ) -> None:
        self.backend = backend
        self.now = now
        self.changes = changes
        self.failed_logins = failed_logins
        self.reads = reads
        self.streams = streams

    @property
    def store(self) -> Store:
        """What the service works on."""
        return self.backend.store

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self.backend.current_settings()

    @property
    def switches(self) -> Switches:
        """What may be switched, in the name of the API."""
        return Switches(self.store, self.settings, _ASKER, self.now)


def context_of(request: Request) -> Context:
    """The context of the application that answers."""
    return cast(Context, request.app.state.context)


async def _context(request: Request) -> Context:
    # A plain function would wait for a thread that is free, and probes with it.
    return context_of(request)


Here = Annotated[Context, Depends(_context)]
