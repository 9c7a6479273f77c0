"""Ably for a measured service: the stand-in, on a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from ably_standin import DEFAULT_KEY, AblyStandin, message

_PATIENCE = 30


class Channels:
    """Publishes on a running stand-in, from any other thread."""

    def __init__(self, standin: AblyStandin, loop: asyncio.AbstractEventLoop) -> None:
        self._standin = standin
        self._loop = loop
        #: What a service needs to find it.
        self.variables = {
            "REALTIME_API_KEY": DEFAULT_KEY,
            "ABLY_ENDPOINT": standin.endpoint,
            "ABLY_TLS": "false",
        }

    def publish(self, channel: str, data: object) -> float:
        """Monotonic seconds just before the stand-in has the message to write it."""

        async def publish() -> float:
            began = time.monotonic()
            self._standin.publish(channel, message(data))
            return began

        return asyncio.run_coroutine_threadsafe(publish(), self._loop).result(_PATIENCE)

    def forget_subscriptions(self) -> None:
        """What was asked for until now does not count."""
        self._loop.call_soon_threadsafe(self._standin.clear_received)

    def wait_for_subscriptions(self, number: int) -> None:
        """Return when so many channels were asked for."""
        attached = self._standin.received.wait("ATTACH", count=number)
        asyncio.run_coroutine_threadsafe(attached, self._loop).result(_PATIENCE)


@contextmanager
def channels() -> Iterator[Channels]:
    """A stand-in for the block."""
    served: Future[Channels] = Future()
    end = asyncio.Event()

    async def serve() -> None:
        async with AblyStandin() as standin:
            served.set_result(Channels(standin, asyncio.get_running_loop()))
            await end.wait()

    runner = asyncio.Runner()
    thread = threading.Thread(target=lambda: runner.run(serve()), name="stand-in")
    thread.start()
    try:
        yield served.result(_PATIENCE)
    finally:
        runner.get_loop().call_soon_threadsafe(end.set)
        thread.join(_PATIENCE)
        runner.close()
