"""Locks that the kernel keeps on files: they end with their holder, however that ends.

Comes in: the path of a lock file, which is created and never deleted. Goes out: a descriptor that
holds the lock until it is closed. Waiting is a blocking call in a thread that nobody waits for at
exit; there is no polling.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


def take_now(path: Path) -> int | None:
    """The descriptor that holds the lock; None when somebody else holds it."""
    descriptor = _open(path)
    if _take(descriptor, fcntl.LOCK_NB):
        return descriptor
    os.close(descriptor)
    return None


@asynccontextmanager
async def held(path: Path, timeout_seconds: float) -> AsyncIterator[None]:
    """Hold the lock for the block; entered without a suspension when nobody else holds it.

    Raises `TimeoutError` when it was not to be had in time.
    """
    descriptor = _open(path)
    if not _take(descriptor, fcntl.LOCK_NB):
        await _wait(descriptor, timeout_seconds)
    try:
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _take(descriptor: int, flags: int = 0) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
    except BlockingIOError:
        return False
    return True


async def _wait(descriptor: int, timeout_seconds: float) -> None:
    """Wait for the lock; when it is given up, whoever gets it too late closes the descriptor."""
    loop = asyncio.get_running_loop()
    taken: asyncio.Future[None] = loop.create_future()

    def hand_over() -> None:
        if taken.done():
            os.close(descriptor)
        else:
            taken.set_result(None)

    def take() -> None:
        _take(descriptor)
        try:
            loop.call_soon_threadsafe(hand_over)
        except RuntimeError:  # the loop is closed, and with it everybody who waited
            os.close(descriptor)

    threading.Thread(target=take, daemon=True).start()
    try:
        async with asyncio.timeout(timeout_seconds):
            await taken
    except BaseException:
        if not taken.cancelled():  # it came in the very moment in which it was given up
            os.close(descriptor)
        raise
