"""Ctrl-C and requests to end (SIGTERM, SIGHUP): what they do at each moment of a command.

Until the arguments are known, a signal waits. From then on it ends the command on the spot, until
an account process runs and the command ends that one in order; once there is a result to show, it
is ignored. Never is an exception raised out of nowhere: it would show as a traceback, or get lost
in a destructor. What a command holds when it ends on the spot, the kernel takes back.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: What a terminal sends to everything that was started from it.
_OF_TERMINALS = (signal.SIGINT, signal.SIGHUP)


def hold_back() -> None:
    """Let signals wait until `let_through`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def let_through() -> None:
    """Deliver signals, those that waited first."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def kept_from_children() -> Iterator[None]:
    """A process that is started in the block never hears of the terminal's signals."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def react(reaction: Callable[[], object]) -> None:
    """Call `reaction`, in the main thread, at every signal from now on."""
    for number in SIGNALS:
        signal.signal(number, lambda *_: reaction())


def end_at_once(exit_code: int, *, output: str, errors: str) -> None:
    """From now on, a signal writes the two texts and ends the process."""

    def end() -> None:
        # Not through sys.stdout: the signal may have come while that was writing.
        for descriptor, text in ((1, output), (2, errors)):
            with suppress(OSError):
                os.write(descriptor, text.encode())
        os._exit(exit_code)

    react(end)


def ignore() -> None:
    """From now on, signals do nothing: what is left to do takes no time."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
