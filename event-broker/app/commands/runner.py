"""One operation on one account, from the arguments to the exit code.

Settings are read and checked first, so bad input touches nothing. Then the gateway is found (the
embedded simulator is started when it is needed), the account process does the work, and what it
brings back is shown. Every error of a known kind ends here as one clear line and an exit code.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from app import simulation
from app.account_process.messages import TRADING, AccountJob, Operation
from app.account_process.process import AccountProcessError, run_account_process
from app.client_ids import ClientIdsError, Purpose, client_id
from app.report.progress import ProgressLines
from app.settings import (
    Settings,
    SettingsError,
    TradingMode,
    disagreement,
    load_settings,
    select_account,
)
from broker_connector_base.models import AccountConfig
from broker_connector_base.values import Value

from .outcome import CommandFailed, ExitCode, Heading, print_document, say

_Result = TypeVar("_Result", bound=Value)

#: How long a command waits for another run of the same account.
LOCK_TIMEOUT_SECONDS = 600.0

#: Operations that trade or show what a trade would be use the account's trading session.
_WITH_TRADING_SESSION = TRADING | {Operation.PREVIEW}


class Task(NamedTuple, Generic[_Result]):
    """What a command does and how its result is shown."""

    operation: Operation
    result: type[_Result]
    show: Callable[[_Result, Settings, AccountConfig], None]
    exit_code: Callable[[_Result], ExitCode] = lambda _: ExitCode.DONE


def run_task(arguments: argparse.Namespace, task: Task[_Result]) -> ExitCode:
    """Do the task for the account of the arguments."""
    heading = Heading(arguments.command, arguments.account)
    try:
        settings = read_settings()
        heading = heading._replace(mode=settings.mode.value, notices=settings.notices)
        account = choose_account(settings, arguments.account)
        _refuse_disagreement(settings, account)
        if not arguments.json:
            for notice in settings.notices:
                say(f"notice: {notice}")
        with gateway(settings) as (host, port):
            job = make_job(settings, account, task.operation, host, port)
            body = run_job(job, quiet=arguments.json)
        result = task.result.model_validate_json(body)
    except CommandFailed as failure:
        say(f"error: {failure}")
        if arguments.json:
            print_document(heading, failure.exit_code, error=failure)
        return failure.exit_code
    code = task.exit_code(result)
    if arguments.json:
        print_document(heading, code, result=body.decode())
    else:
        task.show(result, settings, account)
    return code


def home_directory() -> Path:
    """Where the files, `data/` and `demo/` are: REBALANCER_HOME, or the working directory."""
    return Path(os.environ.get("REBALANCER_HOME") or Path.cwd()).resolve()


def read_settings() -> Settings:
    """The settings; raises `CommandFailed` (bad input)."""
    with _bad_input():
        return load_settings(home_directory(), os.environ)


def choose_account(settings: Settings, account_id: str) -> AccountConfig:
    """The account, if this mode processes it; raises `CommandFailed` (bad input)."""
    with _bad_input():
        return select_account(settings, account_id)


def _refuse_disagreement(settings: Settings, account: AccountConfig) -> None:
    with _bad_input():
        if contradiction := disagreement(settings, account):
            raise SettingsError([f"{contradiction.what}; {contradiction.fix}. Nothing was sent."])


@contextmanager
def gateway(settings: Settings) -> Iterator[tuple[str, int]]:
    """Host and port of the gateway; the embedded simulator is kept running for the block."""
    if settings.mode is not TradingMode.SIMULATION:
        yield settings.environment.ib_host, settings.gateway_port
        return
    try:
        lease = simulation.acquire(settings.simulator_directory)
    except simulation.SimulationError as error:
        raise CommandFailed.because(error) from error
    with lease:
        yield lease.host, lease.port


def make_job(
    settings: Settings, account: AccountConfig, operation: Operation, host: str, port: int
) -> AccountJob:
    """The job for the account process, with the account's client id for this kind of work."""
    purpose = Purpose.TRADE if operation in _WITH_TRADING_SESSION else Purpose.VIEW
    try:
        number = client_id(settings.client_ids_file, account.account_id, purpose)
    except ClientIdsError as error:
        raise CommandFailed.because(error) from error
    return AccountJob(
        operation=operation,
        account=account,
        settings=settings,
        host=host,
        port=port,
        client_id=number,
        lock_timeout_seconds=LOCK_TIMEOUT_SECONDS,
    )


def run_job(job: AccountJob, *, quiet: bool) -> bytes:
    """The job's result as JSON; raises `CommandFailed`."""
    try:
        return asyncio.run(_run_until_interrupted(job, quiet=quiet))
    except AccountProcessError as error:
        code = ExitCode.NEEDS_ATTENTION if error.in_doubt else ExitCode.FAILED
        raise CommandFailed(str(error), kind=error.kind, exit_code=code) from error


async def _run_until_interrupted(job: AccountJob, *, quiet: bool) -> bytes:
    stop = asyncio.Event()
    running = asyncio.current_task()
    assert running is not None

    def interrupt() -> None:
        # The first time in order, with a report; then with less and less patience.
        if stop.is_set():
            running.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        return await run_account_process(
            job,
            (lambda _: None) if quiet else ProgressLines(say),
            deadline_seconds=_deadline(job),
            stop=stop,
        )
    except asyncio.CancelledError:
        raise AccountProcessError(
            "interrupted; the account process was killed", in_doubt=job.operation in TRADING
        ) from None


def _deadline(job: AccountJob) -> float:
    """Seconds after which the process must be stuck: every step in it has a deadline of its own."""
    trading = job.settings.config.trading
    seconds = job.lock_timeout_seconds + 120
    if job.operation in TRADING:
        # Sells and up to three rounds of buys, each with its cancellations at the end.
        seconds += 4 * (trading.order_timeout_seconds + 90)
    return seconds


@contextmanager
def _bad_input() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise CommandFailed.because(error, ExitCode.BAD_INPUT) from error
