"""One attempt at a command: an account process is run, and what it brings back is understood.

Comes in: a command, an account and a gateway. Goes out: an `Attempt`, whatever happened. It knows
neither the store nor people.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from app.account_process.deadline import deadline_seconds
from app.account_process.entry import main
from app.account_process.forking import Reserve, Target
from app.account_process.journal_pipe import JournalKeeper
from app.account_process.lease import Lease
from app.account_process.messages import AccountJob, Address, purpose_of
from app.account_process.process import AccountProcessError, run_account_process
from app.client_ids import ClientIds, ClientIdsError
from app.settings import Settings
from app.simulation import SimulationError
from broker_connector_base.models import AccountConfig
from broker_connector_base.order_states import OrderStatus

from .commands import AccountCommand
from .moves import Ending, Move, next_move
from .result_row import Row, failure_row, result_row

#: A preview or another command of the account takes seconds; longer, and it is tried again later.
LOCK_TIMEOUT_SECONDS = 10.0


Gateway = Callable[[AccountConfig], Awaitable[Address]]
"""The address of an account's gateway, once there is one; raises `SimulationError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How an attempt ended."""

    move: Move
    row: Row
    #: The account process's JSON document, as it wrote it; None without a result.
    document: bytes | None = None
    #: Why there is no result; None when there is one.
    failure: AccountProcessError | None = None
    #: The workflow's run; None when it never began one.
    run_id: str | None = None
    #: Whether an order may have left.
    sent_orders: bool = False
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What to do, and the ground that it is done on."""

    command: AccountCommand
    account: AccountConfig
    settings: Settings
    gateway: Gateway
    client_ids: ClientIds
    #: Who keeps the run journal; None: the account process itself.
    journal: JournalKeeper | None = None
    #: How long other runs of the account are waited for.
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS
    #: What the account process runs.
    target: Target = main
    #: Where one may wait that was forked beforehand.
    reserve: Reserve | None = None


async def attempt(
    work: Work,
    *,
    lease: Lease,
    stop: asyncio.Event,
    on_progress: Callable[[bytes], None],
    on_first_order: Callable[[str], None],
    now: Callable[[], datetime],
) -> Attempt:
    """Run the account process until it ends, the lease is over or `stop` is set.

    `on_first_order` is given the id of the run once an order of it may have left.
    """
    watch, began = _Watch(on_progress, on_first_order), now()
    try:
        job = await _job(work)
        document = await run_account_process(
            job,
            watch,
            deadline_seconds=deadline_seconds(job),
            stop=stop,
            lease=lease,
            journal=work.journal,
            target=work.target,
            reserve=work.reserve,
        )
    except AccountProcessError as error:
        return _failed(work, watch, error, began, now())
    return _ended(work, watch, document, began, now())


async def _job(work: Work) -> AccountJob:
    settings, operation = work.settings, work.command.operation
    try:
        address = await work.gateway(work.account)
        number = await asyncio.to_thread(
            work.client_ids, work.account.account_id, purpose_of(operation)
        )
    except (SimulationError, ClientIdsError, OSError) as error:
        raise AccountProcessError(
            f"{error}. Nothing was sent.",
            # Client ids are never guessed: what is wrong with them has to be put right first.
            passing=not isinstance(error, ClientIdsError) or error.passing,
            kind=type(error).__name__,
        ) from error
    return AccountJob(
        operation=operation,
        account=work.account,
        # The others are not its business, and a hundred of them take time to pass on.
        settings=settings.model_copy(update={"accounts": (work.account,)}),
        **address._asdict(),
        client_id=number,
        lock_timeout_seconds=work.lock_timeout_seconds,
    )


def _ended(work: Work, watch: _Watch, document: bytes, began: datetime, ended: datetime) -> Attempt:
    reading = work.command.read(document)
    move = next_move(reading.ending)
    row = result_row(
        work.account, reading, move, mode=work.command.mode, document=document, at=ended
    )
    return Attempt(
        move=move,
        row=row,
        document=document,
        run_id=watch.run_id,
        sent_orders=watch.sent_orders,
        started_at=began,
        finished_at=ended,
    )


def _failed(
    work: Work, watch: _Watch, error: AccountProcessError, began: datetime, ended: datetime
) -> Attempt:
    move = next_move(Ending(needs_attention=error.needs_attention, passing=error.passing))
    row = failure_row(
        work.account,
        move,
        mode=work.command.mode,
        kind=error.kind,
        message=str(error),
        at=ended,
    )
    return Attempt(
        move=move,
        row=row,
        failure=error,
        run_id=watch.run_id,
        sent_orders=watch.sent_orders,
        started_at=began,
        finished_at=ended,
    )


class _Watch:
    """Passes progress on, and remembers what a run that never tells its result has done."""

    def __init__(
        self, on_progress: Callable[[bytes], None], on_first_order: Callable[[str], None]
    ) -> None:
        self._pass_on = on_progress
        self._on_first_order = on_first_order
        self.run_id: str | None = None
        self.sent_orders = False

    def __call__(self, event: bytes) -> None:
        self._pass_on(event)
        if self.sent_orders:
            # An account process has one run, and most of what it tells is about its orders.
            return
        progress = json.loads(event)
        self.run_id = progress.get("run_id") or self.run_id
        order = progress.get("order")
        if order and order["status"] != OrderStatus.NOT_FOUND:
            self.sent_orders = True
            self._on_first_order(progress["run_id"])
