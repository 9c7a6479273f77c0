"""The service, put together: the one place that knows all of its parts.

Comes in: settings and an open store. It runs what its role asks for until it is told to end, and
ends in order. What people look at and do goes through the attributes and methods here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from app import __version__
from app.account_process.entry import main
from app.account_process.forking import Reserve, Target
from app.execution import Gatekeeper, StrategyExecutor, TradingExecutor, Worker
from app.market import MarketCalendar
from app.notifications import Notifier, StorePost, addresses, alert
from app.schedule import Scheduler
from app.settings import Settings, TradingMode
from app.store import Store, StoreError, StoreUnavailable
from broker_connector_base.blocking import BlockingCall

from .answering import answering
from .gateway import ServiceGateway
from .health import Health, Stored, is_ready, troubles
from .ingestion import Ingestion, payload_of
from .live_settings import LiveSettings
from .progress import ProgressBoard
from .roles import Role

_log = structlog.get_logger(__name__)

#: How soon a changed file is in force.
_LOOK_SECONDS = 1.0
#: How often a process says in the store that it is there; leases have beats of their own.
_SEEN_SECONDS = 5.0
_LAST_NOTIFICATIONS_SECONDS = 5.0
#: Longer than the reserve waits for the fork server, and for one that has ended in it.
_FILL_SECONDS = 30.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Service:
    """One process of the service."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        role: Role,
        *,
        variables: Mapping[str, str],
        now: Callable[[], datetime] = _utc_now,
        target: Target = main,
    ) -> None:
        """`variables` is the environment that `settings` were read with; `target` is what account
        processes run.
        """
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self.role = role
        self.store = store
        self.settings = LiveSettings(
            settings, variables, changed=self._settings_changed, refused=self._settings_refused
        )
        self.calendar = MarketCalendar(settings.calendar_directory)
        self.notifier = Notifier(
            addresses(settings.environment), lambda: self.settings().config.notifications
        )
        self.progress = ProgressBoard()
        self.gateway = ServiceGateway(self.settings)
        tell = self.notifier.send
        self._post = StorePost(store, self.notifier)
        self._ingestion = Ingestion(store, tell)
        self._reserve = Reserve()
        self._worker = Worker(
            self.name,
            store,
            TradingExecutor(
                store,
                settings=self.settings,
                gateway=self.gateway,
                gatekeeper=Gatekeeper(store, self.calendar, now),
                post=self._post,
                now=now,
                target=target,
                reserve=self._reserve,
            ),
            places=lambda: self.settings().config.executor.max_workers,
            progress_of=self.progress.telling,
            at_rest=self._fill_reserve,
        )
        self._dispatcher = StrategyExecutor(
            store,
            settings=self.settings,
            payload_of=payload_of,
            is_caught_up=self._ingestion.is_caught_up,
            tell=tell,
            now=now,
        )
        self._scheduler = Scheduler(
            store, settings=self.settings, calendar=self.calendar, tell=tell, now=now
        )
        self._end = asyncio.Event()
        #: The health that is being found out.
        self._looking: asyncio.Task[Health] | None = None
        #: Why there was no account process when one was last wanted.
        self._not_forked: str | None = None
        #: To the store, as one of its processes.
        self._is_known = False

    async def run(
        self,
        end: asyncio.Event,
        hurry: asyncio.Event,
        *,
        listens: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Do what the role asks for until `end` is set; `hurry` ends the grace of running events.

        `listens` is called with the address of its API once that answers. Raises `AddressTaken`
        before anything is begun, and what a part cannot survive: whoever supervises starts again.
        """
        self._end = end
        async with answering(self, self.settings().environment, self.role) as address:
            listens(address)
            role, place = self.role.value, self.store.place
            _log.info("service.started", role=role, worker=self.name, store=place)
            # Before anything else looks for who is there.
            await self._say_that_it_is_there()
            all_is_told = asyncio.Event()
            # Longer than the parts: they may end slowly, and nobody else shall tell what is ours.
            posting = asyncio.create_task(self._post.run(all_is_told))
            try:
                await self._run_parts(end, hurry)
            finally:
                await self._ingestion.close()
                self.gateway.close()
                await asyncio.to_thread(self.notifier.close, _LAST_NOTIFICATIONS_SECONDS)
                all_is_told.set()
                await posting
                await self._post.close()
                _log.info("service.ended", worker=self.name)

    # -- for those who look ---------------------------------------------------------------------

    async def health(self) -> Health:
        """The service as it is now; never raises.

        Whoever asks while somebody is being answered gets the same answer: probes need no key, and
        however many come, they leave the store's threads to leases and journals.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_at_health())
        return await asyncio.shield(self._looking)

    async def _look_at_health(self) -> Health:
        stored: Stored | None = None
        store_error: str | None = None
        try:
            stored = await self.store.call(self._stored)
        except StoreError as error:
            store_error = str(error)
        ably, ending = self._ingestion.status(), self._end.is_set()
        # Whatever runs has a process.
        not_forked = None if self._worker.running else self._not_forked
        return Health(
            ready=is_ready(
                self.role, stored=stored, ably=ably, ending=ending, not_forked=not_forked
            ),
            degraded=troubles(
                ending=ending,
                stored=stored,
                store_error=store_error,
                ably=ably,
                settings_problems=self.settings.problems,
                unreached_addresses=self.notifier.tally().unreached,
                not_forked=not_forked,
            ),
            statistics=stored.statistics if stored else None,
        )

    def _stored(self) -> Stored:
        return Stored(
            statistics=self.store.events.statistics(),
            open_gaps=len(self.store.feeds.gaps()),
            at_work=self.store.workers.at_work(),
        )

    def current_settings(self) -> Settings:
        """The configuration in force; another value after a reload."""
        return self.settings()

    def reload(self) -> bool:
        """Read the files again now; False when they were refused."""
        return self.settings.reload()

    # -- parts ----------------------------------------------------------------------------------

    async def _run_parts(self, end: asyncio.Event, hurry: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._look_around(end))
            if self.role.includes(Role.INGEST):
                self._ingestion.start(self.settings())
                parts.create_task(self._dispatcher.run(end))
                parts.create_task(self._scheduler.run(end))
            if self.role.includes(Role.WORKER):
                parts.create_task(self._work(end, hurry))

    async def _work(self, end: asyncio.Event, hurry: asyncio.Event) -> None:
        warming = asyncio.create_task(self._warm())
        try:
            await self._worker.run(
                end,
                hurry=hurry,
                grace_seconds=lambda: self.settings().config.executor.shutdown_grace_seconds,
            )
        finally:
            await asyncio.to_thread(self._reserve.close)
        await warming

    async def _fill_reserve(self) -> None:
        """Nothing runs: fork what the next event will need."""
        if self._reserve.is_filled:
            self._not_forked = None
            return
        url = self.settings().allocations_url
        # In a thread that nobody waits for at the end: a closed reserve keeps nothing.
        try:
            filling = BlockingCall(lambda: self._reserve.fill(url), give_back=lambda _: None)
            await filling.wait(_FILL_SECONDS)
        except (OSError, EOFError, RuntimeError) as error:
            # A `RuntimeError` is that no thread can be started.
            # Whoever needs one tries again, and tells; this comes again and again meanwhile.
            if self._not_forked != repr(error):
                _log.warning("account_process.not_forked", error=repr(error))
            self._not_forked = repr(error)
        else:
            self._not_forked = None

    async def _warm(self) -> None:
        if self.settings().mode is TradingMode.SIMULATION:
            await self.gateway.warm()

    async def _look_around(self, end: asyncio.Event) -> None:
        """Files that change, the list of processes, and a sign of life."""
        due = 0.0
        while not end.is_set():
            self.settings.look()
            if (now := time.monotonic()) >= due and await self._say_that_it_is_there():
                due = now + _SEEN_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await end.wait()
        with suppress(StoreUnavailable):
            await self.store.call(self.store.workers.leave, self.name)

    async def _say_that_it_is_there(self) -> bool:
        """False when the store cannot be told now."""
        workers = self.store.workers
        try:
            if self._is_known:
                await self.store.call(workers.beat, self.name)
                return True
            await self.store.call(
                workers.register,
                self.name,
                host=socket.gethostname(),
                pid=os.getpid(),
                role=self.role.value,
                version=__version__,
            )
        except StoreUnavailable:
            return False
        self._is_known = True
        return True

    def _settings_changed(self, settings: Settings) -> None:
        self._ingestion.follow(settings)

    def _settings_refused(self, problems: tuple[str, ...]) -> None:
        lines = "\n".join(problems)
        text = f"The files were changed and cannot be used; what was in force stays.\n{lines}"
        self.notifier.send(alert("Configuration refused", text))
