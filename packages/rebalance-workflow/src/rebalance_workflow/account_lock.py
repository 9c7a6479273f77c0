"""At most one run per account at a time, across the processes of one machine.

The lock is the kernel's `flock` on `<directory>/<account>.lock`, so it ends with its holder however
that ends. The file tells who holds it and is never deleted. Waiting is a blocking call in a thread
that nobody waits for at exit: there is no polling. A process that forks while it holds the lock
shares it with the child, so take it in the process that does the work.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from broker_connector_base.values import UtcTime, Value

from .file_names import safe_file_name


class LockHolder(Value):
    """Who holds an account's lock."""

    pid: int
    command: str
    since: UtcTime


class AccountBusy(Exception):
    """Another run holds the account; nothing was done. `holder` is None when it did not say."""

    def __init__(self, account_id: str, holder: LockHolder | None) -> None:
        who = (
            f"{holder.command} (process {holder.pid}, since {holder.since:%Y-%m-%d %H:%M:%S} UTC)"
            if holder
            else "another process"
        )
        super().__init__(f"account {account_id} is in use by {who}; try again when it has finished")
        self.account_id = account_id
        self.holder = holder


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AccountLock:
    """The lock of one account; use as `with lock:` (no waiting) or `async with lock.held(60):`."""

    def __init__(
        self,
        directory: Path,
        account_id: str,
        *,
        command: str = "rebalance",
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`command` is what others are told about the holder."""
        self._path = Path(directory) / f"{safe_file_name(account_id)}.lock"
        self._account_id = account_id
        self._command = command
        self._now = now
        self._descriptor: int | None = None

    def acquire(self, timeout_seconds: float = 0) -> None:
        """Take the lock, waiting at most so long; raises `AccountBusy` naming the holder."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _take_now(descriptor) and not _Waiter(descriptor).wait(timeout_seconds):
            raise AccountBusy(self._account_id, self.holder())
        self._descriptor = descriptor
        self._write_holder(descriptor)

    def release(self) -> None:
        """Let the lock go; harmless when it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> LockHolder | None:
        """Who wrote into the lock file last; None when it is empty or unreadable."""
        with suppress(OSError, ValidationError):
            return LockHolder.model_validate_json(self._path.read_bytes())
        return None

    @asynccontextmanager
    async def held(self, timeout_seconds: float = 0) -> AsyncIterator[None]:
        """Hold the lock for the block; the event loop stays free while it waits."""
        waiting = asyncio.ensure_future(asyncio.to_thread(self.acquire, timeout_seconds))
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            # The thread cannot be called back: let go what it may still get.
            waiting.add_done_callback(self._release_unwanted)
            raise
        try:
            yield
        finally:
            self.release()

    def _release_unwanted(self, waiting: asyncio.Future[None]) -> None:
        if waiting.exception() is None:
            self.release()

    def _write_holder(self, descriptor: int) -> None:
        holder = LockHolder(pid=os.getpid(), command=self._command, since=self._now())
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.model_dump_json().encode(), 0)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _take_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Waiter:
    """Waits for a lock in a thread of its own, which gives back what comes too late."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decision = threading.Lock()
        self._done = threading.Event()
        self._abandoned = False

    def wait(self, seconds: float) -> bool:
        """True when the lock is held; when False, the descriptor is not the caller's any more."""
        if seconds <= 0:
            os.close(self._descriptor)
            return False
        threading.Thread(target=self._take, daemon=True).start()
        if self._done.wait(seconds):
            return True
        with self._decision:
            self._abandoned = not self._done.is_set()
        return not self._abandoned

    def _take(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._decision:
            if self._abandoned:
                os.close(self._descriptor)
            else:
                self._done.set()
