"""Waiting for something to be so, looking whenever something has happened."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds after which a test has failed: nothing here takes a third of it on a busy machine.
PATIENCE = 60.0


class News:
    """Told from any thread, waited for by the test."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def tell(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def until(self, look: Callable[[], T], what: Callable[[], object]) -> T:
        """The first true value of `look`; `what` says how things are when it never comes."""
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = self._count
            if found := look():
                return found
            if not self._wait(seen, deadline - time.monotonic()):
                raise AssertionError(f"waited {PATIENCE:g} s in vain: {what()}")

    def _wait(self, seen: int, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._count > seen, seconds)
