"""The lease behind an operation, on the side of the parent: until when its process may send orders.

Whoever starts an account process extends the lease for as long as the account is his; the process
(`order_permit`) asks for it before each order, and stops in order when it runs out, whether its
parent is stopped, gone or cut off from the store. Times are seconds since the machine's start with
its sleep included: no clock that is set can move them, and parent and process read the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

#: Linux goes on counting while a machine sleeps; elsewhere the steady clock is what there is.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_now() -> float:
    """Seconds since the machine's start, its sleep included."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """Until when the account is ours; whoever runs for us is told when that moves."""

    def __init__(self, until: float) -> None:
        self.until = until
        self._descriptor: int | None = None

    def extend(self, until: float) -> None:
        """The account is ours until then; a process that does not listen holds nobody up."""
        self.until = until
        if self._descriptor is not None:
            with suppress(BrokenPipeError, BlockingIOError):
                os.write(self._descriptor, b"%r\n" % until)

    @contextmanager
    def told_to(self, pipe: Connection) -> Iterator[None]:
        """For the block, write the present moment and each one to come into the pipe."""
        self._descriptor = pipe.fileno()
        os.set_blocking(self._descriptor, False)
        self.extend(self.until)
        try:
            yield
        finally:
            self._descriptor = None
