"""A home with two paper accounts, which trade without any gateway, and a worker on a real store."""

from __future__ import annotations

import asyncio
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.account_process.entry import main
from app.account_process.forking import Target
from app.account_process.messages import Address
from app.events import Command, Event, EventSource, EventState, NewEvent
from app.execution import Gatekeeper, TradingExecutor, Worker
from app.market import MarketCalendar
from app.notifications import Notification, PlainPost
from app.service.progress import ProgressBoard
from app.settings import Settings, load_settings
from app.store import Store, open_store
from app.store.testing import AdjustableClock
from broker_connector_base.models import AccountConfig

REPOSITORY = Path(__file__).resolve().parents[3]

ACCOUNTS = """\
accounts:
  - {account_id: P1, type: paper, broker: paper, strategy_name: global-core-60-40}
  - {account_id: P2, type: paper, broker: paper, strategy_name: global-core-60-40}
"""

#: The shortest of each, so that what passes by itself is tried again within a second.
CONFIG = """\
retry: {first_delay_seconds: 1, longest_delay_seconds: 1}
"""


async def no_gateway(_: AccountConfig) -> Address:
    """Paper accounts need none."""
    return Address("127.0.0.1", 1)


@dataclass
class Site:
    """One installation: its settings, its store, and what people were told."""

    settings: Settings
    store: Store
    told: list[Notification] = field(default_factory=list)
    progress: ProgressBoard = field(default_factory=ProgressBoard)

    #: Set by event id when its account process is told of for the first time.
    begun: defaultdict[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )
    #: How far people's time is from the machine's.
    later: timedelta = timedelta(0)
    #: How long account processes wait for another run of their account.
    lock_timeout_seconds: float = 0.2

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def executor(self, target: Target = main) -> TradingExecutor:
        calendar = MarketCalendar(self.settings.calendar_directory)
        return TradingExecutor(
            self.store,
            settings=lambda: self.settings,
            gateway=no_gateway,
            gatekeeper=Gatekeeper(self.store, calendar, self.now),
            post=PlainPost(self.told.append),
            now=self.now,
            lock_timeout_seconds=self.lock_timeout_seconds,
            target=target,
        )

    @asynccontextmanager
    async def working(
        self,
        name: str = "worker",
        grace_seconds: float = 5,
        at_rest: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[None]:
        """A worker runs for the block and ends in order after it."""
        end, hurry = asyncio.Event(), asyncio.Event()
        worker = Worker(
            name,
            self.store,
            self.executor(),
            places=lambda: 4,
            progress_of=self.telling,
            at_rest=at_rest,
        )
        running = asyncio.create_task(
            worker.run(end, hurry=hurry, grace_seconds=lambda: grace_seconds)
        )
        try:
            yield
        finally:
            end.set()
            await running

    @contextmanager
    def telling(self, event_id: str) -> Iterator[Callable[[bytes], None]]:
        """Progress goes to the board, and its beginning is noticed."""
        with self.progress.telling(event_id) as tell:

            def tell_and_notice(body: bytes) -> None:
                tell(body)
                self.begun[event_id].set()

            yield tell_and_notice

    def enqueue(self, account_id: str, command: Command) -> str:
        new = NewEvent(account_id=account_id, command=command, source=EventSource.API)
        return self.store.events.enqueue(new).event_id

    async def until(self, event_id: str, is_there: Callable[[Event], bool]) -> Event:
        """The event once it is as wanted; the store wakes us."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        stop = self.store.wake.subscribe(lambda: _wake(loop, changed))
        try:
            async with asyncio.timeout(30):
                while True:
                    changed.clear()
                    event = await self.store.call(self.store.events.get, event_id)
                    if is_there(event):
                        return event
                    await changed.wait()
        finally:
            stop()

    async def end_of(self, event_id: str) -> Event:
        """The event in its final state."""
        waiting = {EventState.QUEUED, EventState.RUNNING}
        return await self.until(event_id, lambda event: event.state not in waiting)


def _wake(loop: asyncio.AbstractEventLoop, changed: asyncio.Event) -> None:
    loop.call_soon_threadsafe(changed.set)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    (tmp_path / "config.yaml").write_text(CONFIG)
    shutil.copytree(REPOSITORY / "demo", tmp_path / "demo")
    return tmp_path


@pytest.fixture
def event() -> Event:
    """A rebalance of P1 that a worker has."""
    return Event(
        event_id="e1",
        account_id="P1",
        command=Command.REBALANCE,
        payload={},
        source=EventSource.API,
        source_ref=None,
        state=EventState.RUNNING,
        seq=1,
        not_before=None,
        times_queued=1,
        worker="w",
        created_at=datetime(2026, 11, 20, 15, tzinfo=UTC),
        started_at=datetime(2026, 11, 20, 15, tzinfo=UTC),
        finished_at=None,
        result=None,
        error=None,
        merged_into=None,
        reason=None,
    )


@pytest.fixture
def open_site(home: Path) -> Iterator[Callable[..., Site]]:
    """Opens an installation on a database, with its own clock or another one."""
    opened: list[Store] = []

    def open_on(url: str, clock: AdjustableClock | None = None) -> Site:
        settings = load_settings(home, {})
        for directory in (settings.state_directory, settings.log_directory):
            directory.mkdir(parents=True, exist_ok=True)
        store = open_store(url, clock=clock)
        opened.append(store)
        return Site(settings, store)

    yield open_on
    for store in opened:
        store.close()


@pytest.fixture
def site(open_site: Callable[[str], Site], sqlite_url: str) -> Site:
    """An installation on SQLite."""
    return open_site(sqlite_url)
