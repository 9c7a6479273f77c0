"""Waiting for something to do: a wake-up of the store, or a second, whichever is first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.store import Store, Topic

#: A wake-up may get lost when its sender is killed; and things become due without one.
NET_SECONDS = 1.0


class Waking:
    """An event loop's ear at the store, for changes of one kind."""

    def __init__(self, store: Store, topic: Topic) -> None:
        self._store = store
        self._topic = topic
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._awake.set()

    @contextmanager
    def listening(self, end: asyncio.Event) -> Iterator[None]:
        """Within the block such changes wake, and so does `end`."""
        loop = asyncio.get_running_loop()

        def call_from_any_thread() -> None:
            # The loop may be closing while a last change is told.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._awake.set)

        unsubscribe = self._store.wake.subscribe(call_from_any_thread, {self._topic})
        ending = asyncio.create_task(end.wait())
        ending.add_done_callback(lambda _: self._awake.set())
        try:
            yield
        finally:
            unsubscribe()
            ending.cancel()

    def listen_from_now(self) -> None:
        """What happens from here on ends the next `wait`."""
        self._awake.clear()

    async def wait(self) -> None:
        """Return when something has happened, or might have."""
        with suppress(TimeoutError):
            async with asyncio.timeout(NET_SECONDS):
                await self._awake.wait()
