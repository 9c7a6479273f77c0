"""The lease behind an operation, on the side of the account process: whether an order may be sent.

Extensions come in through a pipe; it never answers.
"""

from __future__ import annotations

import asyncio
import os
from multiprocessing.connection import Connection

from rebalance_workflow import PermitWithdrawn

from .lease import steady_now


class OrderPermit:
    """Calling it raises `PermitWithdrawn` once the lease is over."""

    def __init__(self, until: float | None) -> None:
        """None when nobody else can take the account over."""
        self._until = until
        self._unread = b""

    def __call__(self) -> None:
        if self._until is not None and steady_now() >= self._until:
            raise PermitWithdrawn(
                "whoever started this run has not been heard of for so long that somebody else may "
                "have taken the account over"
            )

    async def withdrawn(self) -> None:
        """Return when the lease is over; never without one."""
        over = asyncio.Event()

        def look() -> None:
            if self._until is not None and (left := self._until - steady_now()) > 0:
                # It may be extended until then.
                loop.call_later(left, look)
            elif self._until is not None:
                over.set()

        loop = asyncio.get_running_loop()
        look()
        await over.wait()

    def listen(self, pipe: Connection) -> None:
        """Take extensions from the pipe whenever the event loop is free."""
        descriptor = pipe.fileno()
        os.set_blocking(descriptor, False)
        loop = asyncio.get_running_loop()

        def read() -> None:
            part = os.read(descriptor, 4096)
            if not part:
                # The parent is gone: its sentinel tells, and nothing is extended any more.
                loop.remove_reader(descriptor)
            *lines, self._unread = (self._unread + part).split(b"\n")
            if lines:
                self._until = float(lines[-1])

        loop.add_reader(descriptor, read)
