"""An event loop whose time passes only when nothing else can happen.

Comes in: code that waits with `asyncio.timeout`, `asyncio.sleep` or `loop.call_later`. Goes out:
the same behaviour without the wait: when every task is blocked, time jumps to the next deadline.
When every task is blocked and there is no deadline, the test can never end, so `WaitsForEver` is
raised.

It is for code that talks to a `FakeBroker`. It must not drive a test with a real socket whose other
end runs in another process: the jump would outrun the answer.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any

#: Monday 5 January 2026, half an hour into the regular session in New York.
START = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)


class WaitsForEver(RuntimeError):
    """Every task waits for another and no deadline is set."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Use as a loop factory: `asyncio.Runner(loop_factory=VirtualTimeLoop)`, or in a conftest.py

    def pytest_asyncio_loop_factories(config, item):
        return {"virtual-time": VirtualTimeLoop}
    """

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._threads = 0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._elapsed

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As usual; time stands still while a thread works."""
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: asyncio.Future[Any]) -> None:
        self._threads -= 1

    async def shutdown_default_executor(self, *timeout: float | None) -> None:
        """As usual; the threads that end are waited for in real time."""
        self._threads += 1
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self._threads -= 1

    def jump(self, seconds: float | None) -> None:
        """Pass time because nothing is ready; called by the selector."""
        if seconds is None:
            raise WaitsForEver("all tasks are blocked and no deadline is set")
        self._elapsed += seconds

    @property
    def may_jump(self) -> bool:
        """False while a thread works on something that the loop will hear about."""
        return self._threads == 0


class _JumpingSelector(selectors.DefaultSelector):
    """Turns the loop's wait for the next deadline into a jump of its clock."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0 or not self._loop.may_jump:
            return list(super().select(0 if timeout == 0 else None))
        ready = list(super().select(0))
        if not ready:
            self._loop.jump(timeout)
        return ready


class LoopClock:
    """A clock that shows `start` at its first reading and then follows the running loop."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._epoch: float | None = None

    def now(self) -> datetime:
        """Aware UTC; on a `VirtualTimeLoop` the same in every run. `start` outside a loop."""
        try:
            moment = asyncio.get_running_loop().time()
        except RuntimeError:
            return self._start
        if self._epoch is None:
            self._epoch = moment
        return self._start + timedelta(seconds=moment - self._epoch)
