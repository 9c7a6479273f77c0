"""Standard output and standard error that outlive whoever reads them.

A terminal is closed, a pipe's reader ends, a disk is full: Python raises that at whatever prints,
flushes or forks next, and again when it ends. What is printed here and cannot be written is given
up instead. Nothing that a run needs is on standard error; of a result that was lost on standard
output, `output_lost` tells. Where somebody made it non-blocking, a reader that is only slow is
waited for.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


#: How long a reader may take nothing before the rest is given up.
_PATIENCE_SECONDS = 10.0


class _Descriptor(io.FileIO):
    """Takes everything; what cannot be written is gone."""

    def __init__(self, descriptor: int, patience_seconds: float) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._patience_seconds = patience_seconds
        #: Why something is gone.
        self.lost: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left:
                written = super().write(left)
                if written is None:
                    # Somebody made it non-blocking, and its reader is slow.
                    self._wait_for_reader()
                left = left[written or 0 :]
        except OSError as error:
            self.lost = error
        return size

    def _wait_for_reader(self) -> None:
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        # Whoever was waited for in vain is not waited for again.
        if self.lost or not poll.poll(self._patience_seconds * 1000):
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def outlive_readers(patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """From now on nothing fails because standard output or standard error cannot be written to.

    A non-blocking standard output is waited for so long; standard error never, so that no log holds
    up a service.
    """
    _occupy_descriptors()
    sys.stdout = _outliving(1, sys.stdout, patience_seconds)
    sys.stderr = _outliving(2, sys.stderr, 0.0)


def output_lost() -> OSError | None:
    """Why some of standard output is gone; None when everything was written."""
    sys.stdout.flush()
    raw = getattr(sys.stdout.buffer, "raw", None)
    return raw.lost if isinstance(raw, _Descriptor) else None


def _outliving(descriptor: int, stream: TextIO | None, patience_seconds: float) -> io.TextIOWrapper:
    # None when it was closed from the start.
    before = stream if isinstance(stream, io.TextIOWrapper) else None
    return io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(descriptor, patience_seconds)),
        encoding=before.encoding if before else "utf-8",
        errors=before.errors if before else "backslashreplace",
        line_buffering=before.line_buffering or before.write_through if before else False,
    )


def _occupy_descriptors() -> None:
    """A standard stream that is closed must not become the first file that somebody opens."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest one is taken. Not for writing, so that lost output is known to be lost.
            os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)
