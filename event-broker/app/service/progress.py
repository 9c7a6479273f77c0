"""What running events tell while they run, for whoever watches them; kept in memory only.

Comes in: progress of account processes of this service. Goes out: the same, from the beginning, to
any number of watchers. A watcher that is slow never holds up a run: it misses the oldest events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

#: A rebalance of fifty symbols tells about three hundred.
_KEPT = 1000


class _Story:
    """The progress of one event; `told` counts what was ever appended."""

    def __init__(self) -> None:
        self.events: deque[bytes] = deque(maxlen=_KEPT)
        self.told = 0
        self.is_over = False
        self.news = asyncio.Event()

    def append(self, event: bytes) -> None:
        self.events.append(event)
        self.told += 1
        self._wake()

    def end(self) -> None:
        self.is_over = True
        self._wake()

    def _wake(self) -> None:
        # Whoever waits holds this one; later ones wait for the next.
        self.news.set()
        self.news = asyncio.Event()


class ProgressBoard:
    """Progress by event id; used on the event loop alone."""

    def __init__(self) -> None:
        self._stories: dict[str, _Story] = {}
        self._listeners: list[Callable[[], None]] = []

    @contextmanager
    def telling(self, event_id: str) -> Iterator[Callable[[bytes], None]]:
        """For the block, what the function is given is told to those who watch the event."""
        story = self._stories[event_id] = _Story()
        for begun in self._listeners:
            begun()
        try:
            yield story.append
        finally:
            del self._stories[event_id]
            story.end()

    @contextmanager
    def heard_of(self, begun: Callable[[], None]) -> Iterator[None]:
        """For the block, call when an event begins to tell: after it was claimed in the store."""
        self._listeners.append(begun)
        try:
            yield
        finally:
            self._listeners.remove(begun)

    def is_running(self, event_id: str) -> bool:
        """Whether this service is working the event now."""
        return event_id in self._stories

    async def watch(self, event_id: str) -> AsyncIterator[bytes]:
        """The event's progress as JSON, from its beginning to its end; nothing if it is not run
        here.
        """
        story = self._stories.get(event_id)
        seen = 0
        while story is not None:
            news = story.news
            missing = min(story.told - seen, len(story.events))
            seen = story.told
            for event in list(story.events)[len(story.events) - missing :]:
                yield event
            if story.told > seen:
                continue
            if story.is_over:
                return
            await news.wait()
