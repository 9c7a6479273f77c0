"""Where an account process begins: a job and a pipe come in, messages go out, then it ends.

It ends early and in order (the running operation is cancelled, and cleans up) on SIGTERM and when
the command that started it is gone. Errors become a failure message; nothing is retried here.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NoReturn

from app.logs import configure_logging

from .messages import AccountJob, Message, MessageKind


class Reporter:
    """Sends messages to the command; a command that is gone is no reason to stop in mid-order."""

    def __init__(self, pipe: Connection) -> None:
        self._descriptor = pipe.fileno()

    def send(self, kind: MessageKind, body: bytes) -> None:
        """Send one message; `body` is JSON without line breaks."""
        # The end of the command is seen by its sentinel, which ends the operation in order.
        with suppress(BrokenPipeError):
            _write_all(self._descriptor, Message(kind, body).encode() + b"\n")

    def progress(self, body: bytes) -> None:
        """Send a progress event."""
        self.send(MessageKind.PROGRESS, body)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


async def until_told_to_end(operation: Coroutine[None, None, bytes]) -> bytes:
    """The operation's result; it is cancelled on SIGTERM and at the end of the parent process."""
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
    await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
    # Once, whoever else asks: a second cancellation would end the cleaning up instead.
    task.cancel()
    return await task


async def _serve(job: AccountJob, reporter: Reporter) -> NoReturn:
    # The preloaded modules are in memory already; in the parent they must not be loaded at all.
    from .operations import describe_failure, perform

    try:
        result = await until_told_to_end(perform(job, reporter.progress))
    except (Exception, asyncio.CancelledError) as error:
        reporter.send(MessageKind.FAILURE, describe_failure(job, error).model_dump_json().encode())
    else:
        reporter.send(MessageKind.RESULT, result)
    # Returning would wait for threads that nobody can call back: they may wait for another run's
    # lock or for a name server.
    os._exit(0)


def main(job: AccountJob, pipe: Connection) -> None:
    """The target of an account process."""
    configure_logging(job.settings, account_id=job.account.account_id)
    asyncio.run(_serve(job, Reporter(pipe)))
