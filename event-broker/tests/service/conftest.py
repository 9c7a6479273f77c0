"""Services as processes and in the test's own, in a home of their own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from app.events import Command, Event, EventSource, EventState, NewEvent
from app.service import Role, Service
from app.settings import Environment, load_settings
from app.store import Store, open_store

REPOSITORY = Path(__file__).resolve().parents[3]

ACCOUNTS = """\
accounts:
  - {account_id: P1, type: paper, broker: paper, strategy_name: global-core-60-40}
  - {account_id: P2, type: paper, broker: paper, strategy_name: global-core-60-40}
"""


class Here(NamedTuple):
    """A service in the test's own process."""

    service: Service
    #: Of its API.
    address: str
    #: Set, it ends.
    end: asyncio.Event


class Installation:
    """A home directory, its store, and the processes that serve it."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.store: Store = open_store(url)
        self.processes: list[subprocess.Popen[str]] = []
        #: Where the service that was started last answers.
        self.address = ""
        known = {name.upper() for name in Environment.model_fields}
        self._environment = {k: v for k, v in os.environ.items() if k not in known}
        self._environment |= {"REBALANCER_HOME": str(home), "DATABASE_URL": url, "API_PORT": "0"}

    def forget(self, variable: str) -> None:
        """Leave a variable to its default for what is started from now on."""
        self._environment.pop(variable, None)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `python -m app ...` in a process group of its own."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app", *arguments],
            cwd=self.home,
            env=self._environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.processes.append(process)
        return process

    def serve(self, role: str = "worker") -> subprocess.Popen[str]:
        """A service that has begun to serve."""
        process = self.start("serve", "--role", role)
        assert process.stderr is not None
        for line in process.stderr:
            if said := re.match(r"Serving \(.*\) on (\S+): ", line):
                self.address = f"http://{said[1]}"
                return process
        raise AssertionError("the service ended")

    @asynccontextmanager
    async def serving(self, role: Role) -> AsyncIterator[Here]:
        """A service in this process, until the block ends."""
        variables = {"API_PORT": "0"}
        settings = load_settings(self.home, variables)
        for directory in (settings.state_directory, settings.log_directory):
            directory.mkdir(parents=True, exist_ok=True)
        service = Service(settings, self.store, role, variables=variables)
        end, address = asyncio.Event(), asyncio.get_running_loop().create_future()
        running = asyncio.create_task(service.run(end, asyncio.Event(), listens=address.set_result))
        try:
            await asyncio.wait({running, address}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            yield Here(service, f"http://{address.result()}", end)
        finally:
            end.set()
            await running

    def enqueue(self, account_id: str, command: Command = Command.REBALANCE) -> str:
        new = NewEvent(account_id=account_id, command=command, source=EventSource.API)
        return self.store.events.enqueue(new).event_id

    async def end_of(self, event_id: str, seconds: float = 30) -> Event:
        """The event in its final state."""
        waiting = {EventState.QUEUED, EventState.RUNNING}
        try:
            await self.until(lambda: self.store.events.get(event_id).state not in waiting, seconds)
        except TimeoutError:
            attempts = self.store.events.attempts(event_id)
            raise AssertionError(f"{self.store.events.get(event_id)} {attempts}") from None
        return self.store.events.get(event_id)

    async def until(self, is_so: Callable[[], bool], seconds: float = 30) -> None:
        """Return once it is so, looking at every change of the store.

        A process that is stopped or killed may not tell of its last one.
        """
        async with asyncio.timeout(seconds), self._changes() as changed:
            while not await self.store.call(is_so):
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await changed.wait()
                changed.clear()

    async def running(self, event_id: str, attempt: int = 1) -> Event:
        """The event while it is worked for the `attempt`-th time."""
        events = self.store.events
        async with asyncio.timeout(30):
            while True:
                event = await self.store.call(events.get, event_id)
                tries = await self.store.call(events.attempts, event_id)
                if event.state is EventState.RUNNING and len(tries) >= attempt:
                    return event
                # A claim wakes nobody.
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def _changes(self) -> AsyncIterator[asyncio.Event]:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        stop = self.store.wake.subscribe(wake)
        try:
            yield changed
        finally:
            stop()

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        self.store.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    shutil.copytree(REPOSITORY / "demo", tmp_path / "demo")
    return tmp_path


@pytest.fixture
def installation(home: Path, sqlite_url: str) -> Iterator[Installation]:
    opened = Installation(home, sqlite_url)
    yield opened
    opened.close()
