"""Waiting for something to be so, looking whenever something has happened."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds after which a test has failed: nothing here takes a third of it on a busy machine.
PATIENCE = 60.0
#: News from a process that was killed, or through a database that was, may not come.
_NET = 1.0


class News:
    """Told from any thread, waited for by the test."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def tell(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def until(self, look: Callable[[], T], what: Callable[[], object], *, net: float = _NET) -> T:
        """The first true value of `look`; `what` says how things are when it never comes.

        `net` are the seconds after which it looks without being told.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = self._count
            if found := look():
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {PATIENCE:g} s in vain: {what()}")
            self._wait_for_more_than(seen, net)

    def _wait_for_more_than(self, seen: int, net: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._count > seen, net)
