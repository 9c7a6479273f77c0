"""Locks on files that all processes of this machine share, never waited for without a deadline.

The kernel keeps a lock and takes it back with its holder, however that ends. A holder that was only
stopped keeps it, and whoever waited for that one would stand still with it. The lock file is
created and never deleted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from broker_connector_base.blocking import BlockingCall


class StillLocked(Exception):
    """Another process has held the lock all the time; the block was not begun."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(f"another process has held {path} for {seconds:g} s")


@contextmanager
def held(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock for the block, after blocking the thread so long at most.

    Raises `StillLocked` after that time, and `OSError`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _wait(descriptor, path, seconds)
    except OSError:
        os.close(descriptor)
        raise
    try:
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, seconds: float) -> None:
    """Return with the lock; otherwise the file is closed, if need be when the lock is had."""

    def take() -> int:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    if seconds > 0:
        with suppress(TimeoutError):
            BlockingCall(take, give_back=os.close).result(seconds)
            return
    else:
        os.close(descriptor)
    raise StillLocked(path, seconds)
