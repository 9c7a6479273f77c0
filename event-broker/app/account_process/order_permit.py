"""The lease behind an operation, on the side of the account process: whether an order may be sent.

Extensions come in through a pipe, which is read whenever the answer matters; it never answers.
"""

from __future__ import annotations

import asyncio
import math
import os
from contextlib import suppress
from multiprocessing.connection import Connection

from rebalance_workflow import PermitWithdrawn

from .lease import steady_now


class OrderPermit:
    """Calling it raises `PermitWithdrawn` once the lease is over."""

    def __init__(self, until: float | None, pipe: Connection) -> None:
        """None when nobody else can take the account over; extensions are read from the pipe."""
        self._until = until
        self._pipe: int | None = pipe.fileno()
        self._unread = b""
        os.set_blocking(pipe.fileno(), False)

    def __call__(self) -> None:
        if self._left() <= 0:
            raise PermitWithdrawn(
                "whoever started this run has not been heard of for so long that somebody else may "
                "have taken the account over"
            )

    async def withdrawn(self) -> None:
        """Return when the lease is over; never without one."""
        over = asyncio.Event()
        loop = asyncio.get_running_loop()

        def look() -> None:
            left = self._left()
            if left <= 0:
                over.set()
            elif left < math.inf:
                # It may be extended until then.
                loop.call_later(left, look)

        look()
        await over.wait()

    def _left(self) -> float:
        """Seconds, by the latest that was heard."""
        self._read()
        return math.inf if self._until is None else self._until - steady_now()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while self._pipe is not None:
                part = os.read(self._pipe, 4096)
                if not part:
                    # The parent is gone: its sentinel tells, and nothing is extended any more.
                    self._pipe = None
                *lines, self._unread = (self._unread + part).split(b"\n")
                if lines:
                    self._until = float(lines[-1])
