"""The parent's side of an account process: start it, hear it, and make sure that it ends.

An account process is forked from a server that has loaded everything heavy already, lives for one
operation, and reports over a pipe, one message a line; over another it hears how long the account
is its own (`lease`), and over a third its run journal is kept (`journal_pipe`). It is asked to end
(SIGTERM) at its deadline or when the caller is cancelled, and is killed when it does not within the
grace period. Nothing here knows a broker.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from broker_connector_base.models import Attention, Claim

from .entry import main
from .forking import Forked, Reserve, Target, fork
from .journal_pipe import JournalKeeper, keeping
from .lease import Lease
from .messages import TRADING, Failure, Job, Message, MessageKind

#: An account process that is asked to end cancels its working orders first.
GRACE_SECONDS = 20.0

#: The event loop stands still so long, at most, for a process that was killed a moment ago.
_REAPING_SECONDS = 1.0

#: A result lists every holding; this is room for some ten thousand of them.
_LONGEST_MESSAGE_BYTES = 16 * 1024 * 1024


class AccountProcessError(Exception):
    """The operation did not come to a result.

    `attention` is why a person must look first, for example because orders may have been sent whose
    fate nobody here knows; `passing` is True when nothing is in doubt and trying again
    may help, at the earliest when the market `opens` if that is what it takes. `kind` names what
    happened, as a class name does.
    """

    def __init__(
        self,
        message: str,
        *,
        attention: Attention | None = None,
        passing: bool = False,
        kind: str | None = None,
        opens: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.attention = attention
        self.passing = passing
        self.kind = kind or type(self).__name__
        self.opens = opens

    @property
    def needs_attention(self) -> bool:
        """True when a person must look before the next run."""
        return self.attention is not None


class AccountProcessFailed(AccountProcessError):
    """It reported an error in an orderly way; `kind` names the exception."""


class AccountProcessCrashed(AccountProcessError):
    """It ended without a word: killed, out of memory, or a fault in the program."""


class AccountProcessTimedOut(AccountProcessError):
    """It did not finish within its deadline and was ended."""


async def run_account_process(
    job: Job,
    on_progress: Callable[[bytes], None],
    *,
    deadline_seconds: float,
    grace_seconds: float = GRACE_SECONDS,
    stop: asyncio.Event | None = None,
    lease: Lease | None = None,
    journal: JournalKeeper | None = None,
    target: Target = main,
    reserve: Reserve | None = None,
) -> bytes:
    """Run one operation in a process of its own; its result as a JSON document.

    `on_progress` gets each progress event as JSON. When `stop` is set or the deadline passes, the
    process is asked to end; a result that it still gives within the grace period is returned.
    With a `lease` it sends no order after that, and ends in order by itself; with a `journal` its
    run is written down there and not in a file. Raises `AccountProcessError`. Cancelling this call
    ends the process as well. `target` is what the process runs; it is taken from the `reserve` if
    one waits there.
    """
    job = job.model_copy(update={"parent_keeps_journal": journal is not None})
    running = _running(job, target, grace_seconds, lease, journal, reserve)
    async with running as (process, messages):
        listening = asyncio.create_task(_listen(messages, on_progress))
        try:
            in_time = await _wait(listening, stop or asyncio.Event(), deadline_seconds)
            if not listening.done():
                process.terminate()
                await asyncio.wait({listening}, timeout=grace_seconds)
            if not listening.done():
                process.kill()
                await asyncio.wait({listening}, timeout=grace_seconds)
            last = listening.result() if listening.done() else None
        finally:
            listening.cancel()
    if last is None:
        raise _no_result(job, process.exitcode, deadline_seconds if not in_time else None)
    if last.kind is MessageKind.FAILURE:
        failure = Failure.model_validate_json(last.body)
        raise AccountProcessFailed(
            failure.message,
            attention=failure.attention,
            passing=failure.passing,
            kind=failure.kind,
            opens=failure.opens,
        )
    return last.body


async def _wait(
    listening: asyncio.Task[Message | None], stop: asyncio.Event, deadline_seconds: float
) -> bool:
    """Wait for the last message or for `stop`; False when the deadline was first."""
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait(
            {listening, stopping},
            timeout=deadline_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        stopping.cancel()
    return bool(done)


@asynccontextmanager
async def _running(
    job: Job,
    target: Target,
    grace_seconds: float,
    lease: Lease | None,
    journal: JournalKeeper | None,
    reserve: Reserve | None,
) -> AsyncIterator[tuple[ForkServerProcess, asyncio.StreamReader]]:
    """The started process and its messages; on the way out it has ended, one way or another."""
    ready = reserve.take() if reserve else None
    # In a thread, since the fork server may still be loading; once begun it cannot be called off.
    starting = asyncio.ensure_future(asyncio.to_thread(_start, job, target, lease, ready))
    try:
        process, reports, teller, asked = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(AccountProcessError):
            forked = await starting
            forked.process.kill()
            forked.close()
        raise
    async with AsyncExitStack() as stack:
        stack.enter_context(teller)
        if lease is not None:
            stack.enter_context(lease.told_to(teller))
        await stack.enter_async_context(keeping(asked, journal))
        try:
            messages, transport = await _stream(reports)
        except BaseException as error:
            # It has its job, and nobody would ever hear how that went.
            process.kill()
            await _ended(process, grace_seconds)
            if isinstance(error, OSError):
                raise _unheard(job, error) from error
            raise
        finally:
            reports.close()
        try:
            yield process, messages
        except BaseException:
            process.terminate()
            raise
        finally:
            await _ended(process, grace_seconds)
            transport.close()


def _start(job: Job, target: Target, lease: Lease | None, ready: Forked | None) -> Forked:
    if ready is not None:
        # One that has ended while it waited, or stands still, is replaced.
        with suppress(OSError):
            ready.give(target, _as_of_now(job, lease))
            return ready
        ready.end()
    try:
        forked = fork(job.settings.allocations_url)
        try:
            forked.give(target, _as_of_now(job, lease))
        except BaseException:
            forked.end()
            raise
    except (OSError, EOFError) as error:
        raise AccountProcessCrashed(
            f"no account process could be started ({error!r}); nothing was sent. Try again.",
            passing=True,
        ) from error
    return forked


def _as_of_now(job: Job, lease: Lease | None) -> Job:
    """With the lease as it is when the process can begin: to fork it may have taken long."""
    return job.model_copy(update={"lease_until": lease.until}) if lease else job


async def _stream(reader: Connection) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    messages = asyncio.StreamReader(limit=_LONGEST_MESSAGE_BYTES)
    pipe = os.fdopen(os.dup(reader.fileno()), "rb", buffering=0)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(messages), pipe
    )
    return messages, transport


async def _listen(
    messages: asyncio.StreamReader, on_progress: Callable[[bytes], None]
) -> Message | None:
    """The result or failure; None when the process ended without either."""
    while line := await messages.readline():
        message = Message.decode(line.rstrip(b"\n"))
        if message.kind is not MessageKind.PROGRESS:
            return message
        on_progress(message.body)
    return None


async def _ended(process: ForkServerProcess, grace_seconds: float) -> None:
    """Wait for the end of the process; kill it after the grace period or when cancelled again.

    The kernel may not be able to end it for long, on a disk that hangs: after a second grace period
    it is left alone, with the account's lock, and holds up nobody else.
    """
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(process.sentinel, gone.set)
    try:
        if not await _is_set_within(grace_seconds, gone):
            process.kill()
            await _is_set_within(grace_seconds, gone)
    except asyncio.CancelledError:
        process.kill()
        raise
    finally:
        loop.remove_reader(process.sentinel)
        process.join(_REAPING_SECONDS)


async def _is_set_within(seconds: float, event: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _unheard(job: Job, error: OSError) -> AccountProcessCrashed:
    attention = unheard_of(job)
    message = (
        f"the process that ran {job.operation} of {job.subject} could not be heard ({error}) and "
        f"was killed; its log is in {job.settings.log_directory}."
    )
    return AccountProcessCrashed(
        message + aftermath(job), attention=attention, passing=attention is None
    )


def _no_result(
    job: Job, exit_code: int | None, deadline_seconds: float | None
) -> AccountProcessError:
    what = f"{job.operation} of {job.subject}"
    attention = unheard_of(job)
    if deadline_seconds is not None:
        message = f"{what} did not finish within {deadline_seconds:g} s and was ended."
        return AccountProcessTimedOut(
            message + aftermath(job), attention=attention, passing=attention is None
        )
    cause = "killed, and not gone yet" if exit_code is None else f"exit code {exit_code}"
    if exit_code is not None and exit_code < 0:
        cause = f"signal {signal.Signals(-exit_code).name}"
    message = (
        f"the process that ran {what} ended without a result ({cause}); its log is in "
        f"{job.settings.log_directory}."
    )
    return AccountProcessCrashed(
        message + aftermath(job), attention=attention, passing=attention is None
    )


def unheard_of(job: Job) -> Attention | None:
    """Why the end of the operation that nobody has heard of is a person's business."""
    return Attention(claim=Claim.NO_RESULT) if job.operation in TRADING else None


def aftermath(job: Job) -> str:
    """What is left behind by an operation whose end nobody has heard of."""
    if job.operation not in TRADING:
        return " No order was sent."
    return (
        " Orders may be working or filled: the next run of this account reconciles them from its "
        "journal before it sends anything."
    )
