"""The server's clock, in milliseconds: a source plus what a test has added to it."""

import time
from collections.abc import Callable


def system_milliseconds() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


class ServerClock:
    """Says when messages were published, and how old they are. It never goes back."""

    def __init__(self, source: Callable[[], int] = system_milliseconds) -> None:
        self._source = source
        self._added = 0
        self._latest = 0

    def now(self) -> int:
        """Milliseconds since 1970, UTC."""
        self._latest = max(self._latest, self._source() + self._added)
        return self._latest

    def advance(self, seconds: float) -> None:
        """Let this much time pass at once. Raises `ValueError` for a negative time."""
        if seconds < 0:
            raise ValueError(f"the server's clock cannot go back by {-seconds} s")
        self._added += round(seconds * 1_000)
