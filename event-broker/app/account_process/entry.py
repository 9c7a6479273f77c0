"""Where an account process begins: a job and a pipe come in, messages go out, then it ends.

It ends early and in order (the running operation is cancelled, and cleans up) on SIGTERM, when the
command that started it is gone, and when its lease is over. Errors become a failure message;
nothing is retried here.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import structlog

from app import simulation
from app.logs import configure_logging

from .messages import Job, Message, MessageKind

if TYPE_CHECKING:
    from rebalance_workflow import Clock

    from .order_permit import OrderPermit


_log = structlog.get_logger(__name__)

#: To tidy up takes a quarter of it. Whoever started the process ends it earlier, unless that one is
#: gone itself or stands still; the account must not be held for ever then.
LAST_SECONDS = 60.0


class Line(NamedTuple):
    """The account process's ends of its pipes."""

    #: Messages are written to it.
    reports: Connection
    #: Extensions of the lease are read from it.
    lease: Connection
    #: Both ways: records of the run, and answers that they are kept.
    journal: Connection

    def close(self) -> None:
        """Leave them to the process that has inherited them."""
        for pipe in self:
            pipe.close()


class Reporter:
    """Sends messages to the command; one that is gone or does not listen never stops a run.

    A command whose terminal is stopped or held does not read. The pipe fills up, and then one
    progress event is kept, the ones after it are counted, and the number is told later on.
    """

    def __init__(self, pipe: Connection) -> None:
        self._descriptor = pipe.fileno()
        #: What the pipe has not taken yet, up to the end of a message.
        self._rest = b""
        self._left_out = 0

    def progress(self, body: bytes) -> None:
        """Send a progress event if there is room for it; `body` is JSON without line breaks."""
        os.set_blocking(self._descriptor, False)
        self._write()
        if self._rest:
            self._left_out += 1
        else:
            self._rest = self._what_was_left_out() + _line(MessageKind.PROGRESS, body)
            self._write()

    def send(self, kind: MessageKind, body: bytes) -> None:
        """Send the last message whole, however long the command takes to read it."""
        os.set_blocking(self._descriptor, True)
        self._rest += self._what_was_left_out() + _line(kind, body)
        self._write()

    def _what_was_left_out(self) -> bytes:
        count, self._left_out = self._left_out, 0
        body = json.dumps({"message": f"{count} progress messages were left out"}).encode()
        return _line(MessageKind.PROGRESS, body) if count else b""

    def _write(self) -> None:
        try:
            while self._rest:
                self._rest = self._rest[os.write(self._descriptor, self._rest) :]
        except BlockingIOError:
            # The next message tries again.
            pass
        except BrokenPipeError:
            # The end of the command is seen by its sentinel, which ends the operation in order.
            self._rest = b""


def _line(kind: MessageKind, body: bytes) -> bytes:
    return Message(kind, body).encode() + b"\n"


async def until_told_to_end(
    operation: Coroutine[None, None, bytes],
    permit: OrderPermit | None = None,
    *,
    last_seconds: float = LAST_SECONDS,
) -> bytes:
    """The operation's result; it is cancelled on SIGTERM, at the end of the parent process and when
    the permit is withdrawn.

    One that does not end within `last_seconds` after that is ended by the kernel (SIGALRM), with
    this process.
    """
    loop = asyncio.get_running_loop()
    parent = multiprocessing.parent_process()
    assert parent is not None
    told = loop.create_future()

    def tell() -> None:
        # The sentinel stays readable: left in place it would be reported for ever.
        loop.remove_reader(parent.sentinel)
        if not told.done():
            told.set_result(None)

    loop.add_signal_handler(signal.SIGTERM, tell)
    loop.add_reader(parent.sentinel, tell)
    task = asyncio.ensure_future(operation)
    overdue = asyncio.ensure_future(permit.withdrawn() if permit else asyncio.Event().wait())
    # Blocked since the fork server was loaded; one that came meanwhile is delivered now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    await asyncio.wait({task, told, overdue}, return_when=asyncio.FIRST_COMPLETED)
    overdue.cancel()
    # Once, whoever else asks: a second cancellation would end the cleaning up instead.
    task.cancel()
    signal.setitimer(signal.ITIMER_REAL, last_seconds)
    try:
        return await task
    finally:
        # To tell the result may take as long as whoever started this one stands still.
        signal.setitimer(signal.ITIMER_REAL, 0)


async def _serve(job: Job, line: Line, clock: Clock | None) -> NoReturn:
    # The preloaded modules are in memory already; in the parent they must not be loaded at all.
    from .operations import describe_failure, open_journal, perform
    from .order_permit import OrderPermit

    reporter = Reporter(line.reports)
    permit = OrderPermit(job.lease_until, line.lease)
    operation = perform(job, reporter.progress, clock, permit, open_journal(job, line.journal))
    try:
        result = await until_told_to_end(operation, permit)
    except (Exception, asyncio.CancelledError) as error:
        reporter.send(MessageKind.FAILURE, describe_failure(job, error).model_dump_json().encode())
    else:
        reporter.send(MessageKind.RESULT, result)
    # Returning would wait for threads that nobody can call back: they may wait for another run's
    # lock or for a name server.
    os._exit(0)


def main(job: Job, line: Line, clock: Clock | None = None) -> None:
    """The target of an account process; `clock` is the time of day, the machine's when None."""
    configure_logging(job.settings, subject=job.subject)
    with _simulator_kept(job):
        asyncio.run(_serve(job, line, clock))


@contextmanager
def _simulator_kept(job: Job) -> Iterator[None]:
    """The simulator does not end with a command that is killed: orders are taken back first."""
    with ExitStack() as kept:
        if job.control_port is not None:
            try:
                kept.enter_context(simulation.join(job.host, job.control_port))
            except simulation.SimulationError as error:
                # Nothing depends on it but what happens after a kill.
                _log.warning("simulator.not_kept", error=str(error))
        yield
