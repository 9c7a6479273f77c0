"""Both ends of an account process's journal: the run's here, the parent's on another thread."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.account_process.journal_pipe import JournalKeeper, keeping
from app.account_process.kept_journal import KeptJournal
from app.events import Claim, Command
from app.execution.journal_keeper import StoreJournalKeeper
from app.store import Store, open_store
from app.store.testing import arrival
from rebalance_workflow import FileJournal

_PATIENCE = 20.0


class Parent:
    """A process that keeps journals: an event loop that runs beside the test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._end = asyncio.Event()
        self._serving: list[asyncio.Future[None]] = []

    def serve(self, keeper: JournalKeeper) -> socket.socket:
        """The run's end of a new pipe."""
        ours, theirs = multiprocessing.Pipe()

        async def serve() -> None:
            async with keeping(ours, keeper):
                await self._end.wait()

        async def begin() -> None:
            self._serving.append(asyncio.ensure_future(serve()))

        asyncio.run_coroutine_threadsafe(begin(), self._loop).result(_PATIENCE)
        with theirs:
            return socket.socket(fileno=os.dup(theirs.fileno()))

    def close(self) -> None:
        async def end() -> None:
            self._end.set()
            await asyncio.gather(*self._serving)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()


class Desk:
    """Claims accounts and opens their journals, as a worker does."""

    def __init__(self, store: Store, parent: Parent, stack: ExitStack, directory: Path) -> None:
        self.store = store
        #: Where this machine kept its journals before.
        self.directory = directory / "journal"
        self.files = FileJournal(self.directory)
        self._parent = parent
        self._stack = stack
        self._claims: dict[str, Claim] = {}

    def claim(self, account_id: str) -> Claim:
        """Ours from now on; whoever had it before has ended."""
        if (before := self._claims.get(account_id)) is not None:
            self.store.events.finish(before, {})
        new = self.store.events.enqueue(arrival(account_id, Command.REBALANCE))
        claim = self.store.events.claim("worker", event_id=new.event_id)
        assert claim is not None
        self._claims[account_id] = claim
        return claim

    def open(self, account_id: str, keeper: JournalKeeper | None = None) -> KeptJournal:
        """The journal of a new run."""
        keeper = keeper or StoreJournalKeeper(self.store, self.claim(account_id))
        return self.at(self.pipe_to(keeper), account_id)

    def pipe_to(self, keeper: JournalKeeper) -> socket.socket:
        """A run's end of a pipe to a parent with this keeper."""
        return self._parent.serve(keeper)

    def at(self, end: socket.socket, account_id: str, seconds: float = _PATIENCE) -> KeptJournal:
        """The journal at this end of a pipe."""
        self._stack.enter_context(end)
        return KeptJournal(end, account_id, left_behind=self.files, answer_seconds=seconds)


@pytest.fixture
def parent() -> Iterator[Parent]:
    parent = Parent()
    yield parent
    parent.close()


@pytest.fixture
def open_desk(parent: Parent, tmp_path: Path) -> Iterator[Callable[[str], Desk]]:
    """Opens a desk on a database."""
    with ExitStack() as stack:

        def open_on(url: str) -> Desk:
            store = stack.enter_context(open_store(url))
            return Desk(store, parent, stack, tmp_path)

        yield open_on


@pytest.fixture
def desk(open_desk: Callable[[str], Desk], sqlite_url: str) -> Desk:
    """A desk on an engine that is at hand at once."""
    return open_desk(sqlite_url)


@pytest.fixture
def either_desk(open_desk: Callable[[str], Desk], database_url: str) -> Desk:
    """A desk on each engine."""
    return open_desk(database_url)
