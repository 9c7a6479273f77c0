"""Forks account processes: when one is needed, or beforehand, so that no event waits for it.

A process that was forked has connected to nothing and knows nothing; it waits for its job on the
pipe that later extends its lease, and ends when that is closed or its parent is gone. One that is
forked beforehand rehearses, so that its job begins sooner.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import NamedTuple

from app import fork_server
from broker_connector_base.blocking import BlockingCall

from .entry import Line
from .messages import Job

#: On an idle machine the fork server loads in one second, and a fork takes a few hundredths of it.
START_SECONDS = 60.0
#: No job waits for what is forked beforehand.
_RESERVE_SECONDS = 20.0
#: Longer than a rehearsal takes on a busy machine.
_GIVE_SECONDS = 30.0
#: One that hears that its pipe is closed ends within milliseconds.
_END_SECONDS = 2.0

Target = Callable[[Job, Line], None]
"""What an account process does."""


class Forked(NamedTuple):
    """A process, and the parent's ends of its pipes."""

    process: ForkServerProcess
    #: Its messages are read from it.
    reports: Connection
    #: Its job, and then extensions of the lease, are written to it.
    teller: Connection
    #: What it wants to be kept of its run, and our answers.
    journal: Connection

    def give(self, target: Target, job: Job, *, seconds: float = _GIVE_SECONDS) -> None:
        """Let it do the job. Raises `OSError` when it has ended before: nothing was begun.

        A pipe may not hold the whole job, so one that does not take it for so long is killed. If it
        had the job by then after all, this returns, and its end is heard as any other.
        """
        self.process.name = job.subject
        impatience = threading.Timer(seconds, self.process.kill)
        impatience.daemon = True
        impatience.start()
        try:
            # With nobody left at the other end of the pipe this raises.
            self.teller.send((target, job))
        finally:
            impatience.cancel()

    def close(self) -> None:
        """Give up our ends: a process without a job ends."""
        self.teller.close()
        self.reports.close()
        self.journal.close()

    def end(self) -> None:
        """Close it, and let nothing be left of a process without a job."""
        self.close()
        self.process.join(_END_SECONDS)
        # Stopped by somebody; it has nothing to tidy up.
        self.process.kill()
        self.process.join(_END_SECONDS)


def fork(
    allocations_url: str | None, *, rehearsing: bool = False, seconds: float = START_SECONDS
) -> Forked:
    """A process without a job; raises `OSError` and `EOFError` when the fork server fails, and
    `TimeoutError` when it has not answered for so long.

    It may still be loading, so this blocks. `allocations_url` says what it preloads. `rehearsing`
    is for a process whose job does not wait yet.
    """
    forking = BlockingCall(lambda: _fork(allocations_url, rehearsing), give_back=Forked.end)
    try:
        return forking.result(seconds)
    except TimeoutError:
        raise TimeoutError(f"the fork server has not answered for {seconds:g} s") from None


def _fork(allocations_url: str | None, rehearsing: bool) -> Forked:
    fork_server.start(allocations_url)
    context = fork_server.context()
    reports, theirs = context.Pipe(duplex=False)
    heard, teller = context.Pipe(duplex=False)
    ours, asking = context.Pipe()
    line = Line(theirs, heard, asking)
    process = context.Process(target=_wait_for_a_job, args=(line, rehearsing))
    forked = Forked(process, reports, teller, ours)
    try:
        forked.process.start()
    except BaseException:
        forked.close()
        raise
    finally:
        line.close()
    return forked


def _wait_for_a_job(line: Line, rehearsing: bool) -> None:
    if rehearsing:
        # In memory already; the parent never loads it.
        from .rehearsal import rehearse

        rehearse()
    with suppress(EOFError):
        target, job = line.lease.recv()
        multiprocessing.current_process().name = job.subject
        target(job, line)


class Reserve:
    """At most one process that was forked beforehand."""

    def __init__(self) -> None:
        self._ready: Forked | None = None
        self._is_closed = False
        #: Never held while anything is waited for.
        self._lock = threading.Lock()

    @property
    def is_filled(self) -> bool:
        """Whether a process waits."""
        return self._ready is not None and self._ready.process.is_alive()

    def fill(self, allocations_url: str | None) -> None:
        """Fork one if none waits; raises as `fork` does."""
        if self._is_closed or self.is_filled:
            return
        if (ended := self.take()) is not None:
            ended.end()
        forked = fork(allocations_url, rehearsing=True, seconds=_RESERVE_SECONDS)
        with self._lock:
            if is_wanted := self._ready is None and not self._is_closed:
                self._ready = forked
        if not is_wanted:
            # Nobody would end it, and this process waits for its children when it ends.
            forked.end()

    def take(self) -> Forked | None:
        """The process that waits, which is the caller's from now on."""
        with self._lock:
            ready, self._ready = self._ready, None
        return ready

    def close(self) -> None:
        """Let the process that waits end, and one that is being forked; none is kept any more."""
        with self._lock:
            self._is_closed = True
        if (ready := self.take()) is not None:
            ready.end()
