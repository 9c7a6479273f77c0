"""One operation on one account: a job for an account process, and its result shown.

The account process does the work. What it brings back is shown to a person, or passed on to a
program as it is. Errors of a known kind become `CommandFailed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from app import interruption
from app.account_process.deadline import deadline_seconds
from app.account_process.messages import (
    AccountJob,
    Job,
    Operation,
    StrategyJob,
    purpose_of,
)
from app.account_process.process import (
    AccountProcessError,
    aftermath,
    run_account_process,
    unheard_of,
)
from app.client_ids import ClientIdsError, ClientIdsFile, Purpose
from app.report.progress import ProgressLines
from app.settings import Settings
from broker_connector_base.models import AccountConfig

from .outcome import CommandFailed, ExitCode, Report, say
from .session import Session
from .state import state_needed

_Result = TypeVar("_Result", bound=BaseModel)

#: How long a command waits for another run of the same account.
LOCK_TIMEOUT_SECONDS = 600.0


class Task(NamedTuple, Generic[_Result]):
    """What a command does and how its result is shown."""

    operation: Operation
    result: type[_Result]
    show: Callable[[_Result, Settings, AccountConfig], None]
    exit_code: Callable[[_Result], ExitCode] = lambda _: ExitCode.DONE


def run_task(session: Session, task: Task[_Result]) -> Report:
    """Do the task for the session's account; raises `CommandFailed`."""
    (account,) = session.accounts
    return report_of(session, task, run_operation(session, account, task.operation))


def report_of(session: Session, task: Task[_Result], body: bytes) -> Report:
    """The report of a task whose result is `body`, JSON."""
    (account,) = session.accounts
    result = task.result.model_validate_json(body)
    return Report(
        exit_code=task.exit_code(result),
        document=body.decode(),
        show=lambda: task.show(result, session.settings, account),
    )


def run_operation(session: Session, account: AccountConfig, operation: Operation) -> bytes:
    """The operation's result as JSON; raises `CommandFailed`."""
    way = _way_to_gateway(session, account.account_id, purpose_of(operation))
    return _run_job(AccountJob(operation=operation, account=account, **way), session)


def run_plan(session: Session, strategy_name: str, *, exact: bool) -> bytes:
    """The preview of the session's accounts as JSON; raises `CommandFailed`."""
    way = _way_to_gateway(session, f"strategy {strategy_name}", Purpose.VIEW)
    return _run_job(
        StrategyJob(strategy_name=strategy_name, accounts=session.accounts, exact=exact, **way),
        session,
    )


def _way_to_gateway(session: Session, holder: str, purpose: Purpose) -> dict[str, Any]:
    """What every job has: settings, address, and the client id of whoever uses it."""
    address = session.gateway()
    settings = session.settings
    try:
        with state_needed(settings):
            number = _client_id(settings, holder, purpose)
    except ClientIdsError as error:
        raise CommandFailed.because(error) from error
    return {
        "settings": settings,
        **address._asdict(),
        "client_id": number,
        "lock_timeout_seconds": LOCK_TIMEOUT_SECONDS,
    }


def _client_id(settings: Settings, holder: str, purpose: Purpose) -> int:
    seconds = LOCK_TIMEOUT_SECONDS
    if not settings.store_is_shared:
        return ClientIdsFile(settings.client_ids_file, lock_seconds=seconds)(holder, purpose)
    # Only a command of several machines needs the store for this.
    from app.shared_client_ids import client_ids_of
    from app.store import StoreError, open_store

    try:
        with open_store(settings.database_url, mode=settings.mode.value) as store:
            return client_ids_of(store, settings, lock_seconds=seconds)(holder, purpose)
    except StoreError as error:
        raise CommandFailed(
            f"{error}. Nothing was sent.", kind=type(error).__name__, exit_code=ExitCode.FAILED
        ) from error


def _run_job(job: Job, session: Session) -> bytes:
    try:
        return asyncio.run(_run_until_interrupted(job, session.quiet))
    except AccountProcessError as error:
        raise failed(error) from error


def failed(error: AccountProcessError) -> CommandFailed:
    """What an operation without a result amounts to."""
    code = ExitCode.NEEDS_ATTENTION if error.needs_attention else ExitCode.FAILED
    return CommandFailed(str(error), kind=error.kind, exit_code=code)


async def _run_until_interrupted(job: Job, quiet: bool) -> bytes:
    stop = asyncio.Event()
    running = asyncio.current_task()
    assert running is not None

    def interrupt() -> None:
        # The first time in order, with a report; then with less and less patience.
        if stop.is_set():
            running.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    interruption.react(partial(loop.call_soon_threadsafe, interrupt))
    try:
        return await run_account_process(
            job,
            (lambda _: None) if quiet else ProgressLines(say),
            deadline_seconds=deadline_seconds(job),
            stop=stop,
        )
    except asyncio.CancelledError:
        raise AccountProcessError(
            f"{job.operation} was interrupted twice, and its report given up.{aftermath(job)}",
            attention=unheard_of(job),
        ) from None
    finally:
        # What was sent is known now, and about to be told.
        interruption.ignore()
