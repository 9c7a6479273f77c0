"""Targets for account processes. They are forked, so they must live in an importable module."""

from __future__ import annotations

import json
import os
import signal
from multiprocessing.connection import Connection

from app.account_process.entry import Reporter
from app.account_process.messages import AccountJob, Failure, MessageKind


def chatter(job: AccountJob, pipe: Connection) -> None:
    """Two progress events and a result larger than a pipe holds."""
    reporter = Reporter(pipe)
    reporter.progress(b'{"message": "one"}')
    reporter.progress(b'{"message": "two"}')
    body = {"account": job.account.account_id, "pid": os.getpid(), "padding": "x" * 300_000}
    reporter.send(MessageKind.RESULT, json.dumps(body).encode())


def fail(job: AccountJob, pipe: Connection) -> None:
    """An orderly failure."""
    failure = Failure(kind="BrokerConnectionError", message="nobody there", needs_attention=False)
    Reporter(pipe).send(MessageKind.FAILURE, failure.model_dump_json().encode())


def crash(job: AccountJob, pipe: Connection) -> None:
    """End with an exit code and no word."""
    os._exit(7)


def kill_itself(job: AccountJob, pipe: Connection) -> None:
    """End by a signal, as the kernel does it to a process that eats all memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def end_when_asked(job: AccountJob, pipe: Connection) -> None:
    """Say "ready", then wait for SIGTERM and give a result."""
    reporter = Reporter(pipe)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    reporter.progress(b'{"message": "ready"}')
    signal.sigwait({signal.SIGTERM})
    reporter.send(MessageKind.RESULT, b'{"ended": "in order"}')


def ignore_every_request_to_end(job: AccountJob, pipe: Connection) -> None:
    """Say "ready", then never end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Reporter(pipe).progress(b'{"message": "ready"}')
    while True:
        signal.pause()
