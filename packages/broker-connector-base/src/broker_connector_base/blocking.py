"""Calls that know no deadline, waited for with one.

A blocking call comes in; its result goes out, or the wait is given up. The call itself cannot be
called off: what it still brings then is given back at once, so that nobody holds it for ever.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class BlockingCall(Generic[T]):
    """One call, begun at once in a thread that nobody waits for at exit."""

    def __init__(self, call: Callable[[], T], give_back: Callable[[T], object]) -> None:
        """`give_back` is called, in any thread, with a result that nobody wants any more."""
        self._give_back = give_back
        self._outcome: Future[T] = Future()
        #: Taken by whoever gives up first: of two threads, or before and after a deadline.
        self._wanted = threading.Lock()
        threading.Thread(target=self._run, args=(call,), daemon=True).start()

    def result(self, seconds: float) -> T:
        """The call's result; raises what it raises, and `TimeoutError` when it was given up."""
        try:
            return self._outcome.result(seconds)
        except BaseException:
            self.give_up()
            raise

    async def wait(self, seconds: float) -> T:
        """The same while the event loop stays free; cancelling gives up as well."""
        try:
            return await asyncio.to_thread(self.result, seconds)
        except asyncio.CancelledError:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Nobody wants the result any more, whether it has come already or not."""
        if not self._wanted.acquire(blocking=False):
            return
        # Either this is first, and the thread finds the future cancelled; or there is a result.
        if not self._outcome.cancel() and self._outcome.exception() is None:
            self._give_back(self._outcome.result())

    def _run(self, call: Callable[[], T]) -> None:
        try:
            result = call()
        except BaseException as error:
            if self._outcome.set_running_or_notify_cancel():
                self._outcome.set_exception(error)
            return
        if self._outcome.set_running_or_notify_cancel():
            self._outcome.set_result(result)
        else:
            self._give_back(result)
