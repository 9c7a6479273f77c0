"""One process per state file.

A path comes in; a lock is held, or a `StateInUse` says who has to end first. The lock is on a file
beside the state, because the state is replaced whenever it is saved.
"""

import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class StateInUse(Exception):
    """Another process works with this state; nothing was read or written."""


@contextmanager
def exclusive(state: Path, patience: float) -> Iterator[None]:
    """Hold the state's lock, waiting up to `patience` seconds for a process that is just ending.

    The kernel releases the lock however the process ends. Needs the main thread: a blocked lock is
    interrupted by an alarm, so there is no polling.
    """
    path = state.with_name(f"{state.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with _alarm(patience, f"{state} is in use by another process (lock: {path})"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _alarm(seconds: float, message: str) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise StateInUse(f"{message}; waited {seconds:g} s, end that process or use another state")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
