"""An installation of the service: a far side, a database, Ably, and processes that serve.

The service runs as it is shipped, in paper mode with all of its gates. Only the exchange's calendar
is one of our own, kept where the service keeps it, because a measurement cannot wait for Monday.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TypeVar

import psutil

from app.market import XNYS, Sessions, TradingSession
from app.settings import Environment
from app.store import Store, open_store
from benchmarks.channel import Channels, channels
from benchmarks.world import World, world

T = TypeVar("T")

#: Seconds; a busy machine takes its time, and the report tells how long.
_PATIENCE = 150
_MEGABYTE = 2**20
_NET = 0.2
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a process of the service has used so far, and what it holds."""

    #: Processor seconds of the service itself and of its fork server.
    service: float
    #: Of account processes that have ended.
    accounts: float
    gateway: float
    #: The peak of the service's resident memory, and proportional sizes now, in which memory that
    #: processes share is counted once.
    service_peak_mb: float
    service_mb: float
    #: Of the fork server and, when no account is worked, of the process that it keeps in reserve.
    helpers_mb: float


class Serving:
    """One process of the service."""

    def __init__(self, process: subprocess.Popen[bytes], far_side: psutil.Process) -> None:
        self._process = process
        self._far_side = far_side
        self.pid = process.pid
        #: What the store knows it by.
        self.name = f"{socket.gethostname()}-{process.pid}"

    def usage(self) -> Usage:
        """As it is now."""
        service = psutil.Process(self.pid)
        helpers = service.children()
        ended = [helper.cpu_times() for helper in helpers]
        at_rest = service.children(recursive=True)
        return Usage(
            service=_seconds(service) + sum(map(_seconds, helpers)),
            accounts=sum(times.children_user + times.children_system for times in ended),
            gateway=_seconds(self._far_side),
            service_peak_mb=_peak_kb(self.pid) / 1024,
            service_mb=service.memory_full_info().pss / _MEGABYTE,
            helpers_mb=sum(helper.memory_full_info().pss for helper in at_rest) / _MEGABYTE,
        )

    def kill(self) -> datetime:
        """It and all of its account processes, as a power cut does; the time before."""
        at = datetime.now(UTC)
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(_PATIENCE)
        return at

    def end(self) -> None:
        """In order."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(_PATIENCE)


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What a measurement works with."""

    far_side: World
    store: Store
    ably: Channels
    url: str
    home: Path

    @contextmanager
    def serving(self, role: str, *, channels: int = 0) -> Iterator[Serving]:
        """A service for the block, which is subscribed to so many channels."""
        known = {name.upper() for name in Environment.model_fields}
        inherited = {name: value for name, value in os.environ.items() if name not in known}
        variables = {"REBALANCER_HOME": str(self.home), "DATABASE_URL": self.url, "API_PORT": "0"}
        self.ably.forget_subscriptions()
        with NamedTemporaryFile(dir=self.home, suffix=".out", delete=False) as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app", "serve", "--role", role],
                cwd=self.home,
                env={**inherited, **variables, **self.ably.variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )
        service = Serving(process, psutil.Process(self.far_side.pid))
        try:
            self.ably.wait_for_subscriptions(channels)
            self.until(lambda: any(w.pid == process.pid for w in self.store.workers.list()) or None)
            yield service
        finally:
            service.end()

    def until(self, look: Callable[[], T | None], *, pause: float = 0) -> tuple[T, float]:
        """What `look` finds, once it finds something, and the monotonic seconds by then.

        It looks when the store has changed, but leaves a `pause` in which it disturbs nobody.
        """
        changed = threading.Event()
        leave = self.store.wake.subscribe(changed.set)
        deadline = time.monotonic() + _PATIENCE
        try:
            while (found := look()) is None:
                time.sleep(pause)
                # Claims and workers that sign in wake nobody.
                changed.wait(_NET)
                changed.clear()
                if time.monotonic() > deadline:
                    raise TimeoutError(self._last_words())
            return found, time.monotonic()
        finally:
            leave()

    def _last_words(self) -> str:
        outputs = [path.read_text()[-2000:] for path in self.home.glob("*.out")]
        return "\n".join(["the service does not do what was asked", *outputs])


@contextmanager
def installation(
    url: str, *, accounts: int, strategy_of: Callable[[int], str]
) -> Iterator[Installation]:
    """So many accounts on one gateway, each with ten positions that need an order."""
    with (
        TemporaryDirectory() as scratch,
        world(Path(scratch), symbols=10, accounts=accounts, strategy_of=strategy_of) as far_side,
        channels() as ably,
        open_store(url) as store,
    ):
        home = Path(scratch)
        _open_the_exchange(home / "data" / "market" / f"{XNYS}.json")
        yield Installation(far_side=far_side, store=store, ably=ably, url=url, home=home)


def _open_the_exchange(path: Path) -> None:
    """A calendar in which a session has been open for hours, and goes on for days."""
    now = datetime.now(UTC)
    session = TradingSession(date=now.date(), opens=now - _DAY / 4, closes=now + 3 * _DAY)
    known = Sessions(
        exchange=XNYS,
        begins=now.date() - 2 * _DAY,
        ends=now.date() + 300 * _DAY,
        sessions=(session,),
    )
    library = f"exchange_calendars {version('exchange_calendars')}"
    path.parent.mkdir(parents=True)
    path.write_text(f'{{"library": "{library}", "calendar": {known.model_dump_json()}}}')


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])
