"""Targets for account processes. They are forked, so they must live in an importable module."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from contextlib import suppress
from datetime import UTC, datetime

from app.account_process.entry import Line, Reporter, until_told_to_end
from app.account_process.lease import steady_now
from app.account_process.messages import Failure, Job, MessageKind

#: After everything that a test waits for.
MARKET_OPENS = datetime(2099, 11, 27, 15, 30, tzinfo=UTC)


def chatter(job: Job, line: Line) -> None:
    """Two progress events and a result larger than a pipe holds."""
    reporter = Reporter(line.reports)
    reporter.progress(b'{"message": "one"}')
    reporter.progress(b'{"message": "two"}')
    body = {"account": job.subject, "pid": os.getpid(), "padding": "x" * 300_000}
    reporter.send(MessageKind.RESULT, json.dumps(body).encode())


def fail(job: Job, line: Line) -> None:
    """An orderly failure."""
    failure = Failure(kind="BrokerConnectionError", message="nobody there")
    Reporter(line.reports).send(MessageKind.FAILURE, failure.model_dump_json().encode())


def find_the_market_closed(job: Job, line: Line) -> None:
    """An orderly failure that passes when the market opens, at `MARKET_OPENS`."""
    failure = Failure(kind="MarketClosed", message="closed", passing=True, opens=MARKET_OPENS)
    Reporter(line.reports).send(MessageKind.FAILURE, failure.model_dump_json().encode())


def crash(job: Job, line: Line) -> None:
    """End with an exit code and no word."""
    os._exit(7)


def kill_itself(job: Job, line: Line) -> None:
    """End by a signal, as the kernel does it to a process that eats all memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def end_when_asked(job: Job, line: Line) -> None:
    """Say "ready", then wait for SIGTERM and give a result."""
    reporter = Reporter(line.reports)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    reporter.progress(b'{"message": "ready"}')
    signal.sigwait({signal.SIGTERM})
    reporter.send(MessageKind.RESULT, b'{"ended": "in order"}')


def ignore_every_request_to_end(job: Job, line: Line) -> None:
    """Say "ready", then never end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Reporter(line.reports).progress(b'{"message": "ready"}')
    while True:
        signal.pause()


def tidy_up_however_often_asked(job: Job, line: Line) -> None:
    """Wait to be told to end, be told again while tidying up, and give a result all the same."""
    reporter = Reporter(line.reports)

    async def work() -> bytes:
        reporter.progress(b'{"message": "ready"}')
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told_again = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, told_again.set)
            # Signals are handled in the order in which they came.
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGUSR1)
            await told_again.wait()
            await asyncio.sleep(0)
        return b'{"tidied": "up"}'

    reporter.send(MessageKind.RESULT, asyncio.run(until_told_to_end(work())))


def hang_while_tidying_up(job: Job, line: Line) -> None:
    """Wait to be told to end, and never come back from tidying up."""
    reporter = Reporter(line.reports)

    async def work() -> bytes:
        reporter.progress(b'{"message": "ready"}')
        try:
            await asyncio.Event().wait()
        finally:
            # Not even the event loop turns any more.
            threading.Event().wait()
        return b""

    asyncio.run(until_told_to_end(work(), last_seconds=0.1))


def tell_ignored_signals(job: Job, line: Line) -> None:
    """A result that names the signals which this process ignores."""
    ignored = [n.name for n in signal.Signals if signal.getsignal(n) is signal.SIG_IGN]
    Reporter(line.reports).send(MessageKind.RESULT, json.dumps(ignored).encode())


def be_told_to_end_before_it_listens(job: Job, line: Line) -> None:
    """Get SIGTERM right after the start, then give a result when the operation is told to end."""

    async def work() -> bytes:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return b'{"ended": "in order"}'

    os.kill(os.getpid(), signal.SIGTERM)
    Reporter(line.reports).send(MessageKind.RESULT, asyncio.run(until_told_to_end(work())))


def work_until_the_lease_is_over(job: Job, line: Line) -> None:
    """Say "ready" and work; then write into the pipe file `ended` under home when that was, and
    whether an order was permitted before and after.
    """
    from app.account_process.order_permit import OrderPermit
    from rebalance_workflow import PermitWithdrawn

    async def serve() -> bytes:
        permit = OrderPermit(job.lease_until, line.lease)

        def is_permitted() -> bool:
            try:
                permit()
            except PermitWithdrawn:
                return False
            return True

        async def work() -> bytes:
            permitted = [is_permitted()]
            reporter.progress(b'{"message": "ready"}')
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            permitted.append(is_permitted())
            return json.dumps({"at": steady_now(), "permitted": permitted}).encode()

        return await until_told_to_end(work(), permit)

    reporter = Reporter(line.reports)
    result = asyncio.run(serve())
    (job.settings.home / "ended").write_bytes(result)
    reporter.send(MessageKind.RESULT, result)
