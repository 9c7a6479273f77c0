"""At most one run per account at a time, across the processes of one machine.

The lock is the kernel's `flock` on `<directory>/<account>.lock`, so it ends with its holder however
that ends. The file tells who holds it and is never deleted. Waiting is a blocking call in a thread
that nobody waits for at exit: there is no polling. A process that forks while it holds the lock
shares it with the child, so take it in the process that does the work.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from broker_connector_base.blocking import BlockingCall
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
        descriptor = self._open()
        if not _take_now(descriptor):
            with self._busy_when_late():
                _taking(descriptor, timeout_seconds).result(timeout_seconds)
        self._begin(descriptor)

    def release(self) -> None:
        """Let the lock go; harmless when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def holder(self) -> LockHolder | None:
        """Who wrote into the lock file last; None when it is empty or unreadable."""
        with suppress(OSError, ValidationError):
            return LockHolder.model_validate_json(self._path.read_bytes())
        return None

    @asynccontextmanager
    async def held(self, timeout_seconds: float = 0) -> AsyncIterator[None]:
        """Hold the lock for the block; the event loop stays free while it waits."""
        descriptor = self._open()
        if not _take_now(descriptor):
            with self._busy_when_late():
                await _taking(descriptor, timeout_seconds).wait(timeout_seconds)
        self._begin(descriptor)
        try:
            yield
        finally:
            self.release()

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    @contextmanager
    def _busy_when_late(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise AccountBusy(self._account_id, self.holder()) from None

    def _begin(self, descriptor: int) -> None:
        self._descriptor = descriptor
        holder = LockHolder(pid=os.getpid(), command=self._command, since=self._now())
        # The lock holds without the name: a full disk is told by what needs the disk.
        with suppress(OSError):
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
    except OSError:
        os.close(descriptor)
        raise
    return True


def _taking(descriptor: int, timeout_seconds: float) -> BlockingCall[int]:
    """Waits for the lock; when it comes too late, or nobody waits at all, the file is closed."""
    if timeout_seconds <= 0:
        os.close(descriptor)
        raise TimeoutError

    def take() -> int:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    return BlockingCall(take, give_back=os.close)
