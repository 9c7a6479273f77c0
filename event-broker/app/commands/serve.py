"""`serve`: the service, until it is told to end.

SIGTERM and Ctrl-C end it in order: nothing new is begun, and what runs may finish; a second one
asks the runs to stop. SIGHUP reads the configuration files again.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, suppress

import structlog

from app.api import AddressTaken
from app.client_ids import ClientIdsError
from app.logs import configure_logging
from app.service import Role, Service, Waiting, answering
from app.settings import Settings, SettingsError
from app.shared_client_ids import client_ids_of
from app.store import Store, StoreError, StoreUnavailable, open_store

from .outcome import CommandFailed, ExitCode, Report, say
from .service_needs import require_needs
from .session import Session
from .state import prepare_state

_log = structlog.get_logger(__name__)

#: A database that comes up with the service is there within seconds.
_OPEN_AGAIN_SECONDS = 2.0


def run(session: Session) -> Report:
    """Serve; raises `CommandFailed` when it cannot begin."""
    settings, role = session.settings, Role(session.arguments.role)
    require_needs(settings, trades=role.includes(Role.WORKER))
    prepare_state(settings)
    configure_logging(settings, to_terminal=True, role=role.value)
    asyncio.run(_serve(settings, role))
    return Report(ExitCode.DONE, "null", lambda: None)


async def _serve(settings: Settings, role: Role) -> None:
    end, hurry = asyncio.Event(), asyncio.Event()

    def told_to_end() -> None:
        (hurry if end.is_set() else end).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_end)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    try:
        store = await _open(settings, role, end)
        if store is not None:
            await _serve_from(store, settings, role, end, hurry)
    except (AddressTaken, SettingsError) as error:
        raise CommandFailed.because(error, ExitCode.BAD_INPUT) from error


async def _serve_from(
    store: Store, settings: Settings, role: Role, end: asyncio.Event, hurry: asyncio.Event
) -> None:
    try:
        service = Service(settings, store, role, variables=os.environ)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.reload)
        what, where = f"Serving ({role}, {settings.mode})", f"events are kept in {store.place}"
        await service.run(
            end,
            hurry,
            listens=lambda address: say(f"{what} on {address}: {where}. Ctrl-C ends it."),
        )
    finally:
        await asyncio.to_thread(store.close)


async def _open(settings: Settings, role: Role, end: asyncio.Event) -> Store | None:
    """The store, as soon as it can be used; None when the service is told to end before.

    Probes are answered meanwhile: whoever asks shall not take it for dead.
    """
    waiting: Waiting | None = None
    async with AsyncExitStack() as answers:
        while not end.is_set():
            try:
                return await asyncio.to_thread(_open_prepared, settings)
            except StoreUnavailable as error:
                _log.error("store.unavailable", error=str(error))
                say(f"waiting: {error}")
                reason = error
            except (StoreError, ClientIdsError) as error:
                raise CommandFailed.because(error, ExitCode.BAD_INPUT) from error
            if waiting is None:
                waiting = Waiting(settings, reason)
                probes = answering(waiting, settings.environment, role, probes_only=True)
                await answers.enter_async_context(probes)
            waiting.error = reason
            with suppress(TimeoutError):
                async with asyncio.timeout(_OPEN_AGAIN_SECONDS):
                    await end.wait()
    return None


def _open_prepared(settings: Settings) -> Store:
    """The store with the client ids of this machine in it: better refused now than at an event."""
    store = open_store(settings.database_url, mode=settings.mode.value)
    try:
        client_ids_of(store, settings, lock_seconds=0).prepare()
    except BaseException:
        store.close()
        raise
    return store
