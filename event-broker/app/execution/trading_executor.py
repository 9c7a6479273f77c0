"""One claimed event, from the gates to its outcome in the store.

Comes in: a claim and its lease. Goes out: the outcome, recorded, and for whoever asked an `Answer`.
An interrupted run is not repaired here: the next run of the account begins by reconciling.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

import structlog

from app.account_process.entry import main
from app.account_process.forking import Reserve, Target
from app.account_process.lease import Lease
from app.events import Claim, Command
from app.gates import Hold, Refuse, opened_by_broker
from app.market import CalendarError
from app.notifications import Post
from app.settings import Settings, SettingsError, select_account
from app.shared_client_ids import client_ids_of
from app.store import Store, StoreUnavailable
from app.store.records import RunRecord
from broker_connector_base.models import AccountConfig

from . import run_records
from .attempt import LOCK_TIMEOUT_SECONDS, Attempt, Gateway, Work, attempt
from .commands import COMMANDS
from .gatekeeper import Gatekeeper, Permission
from .journal_keeper import StoreJournalKeeper
from .patience import insist
from .settlement import Case, Settlement

_log = structlog.get_logger(__name__)

Progress = Callable[[bytes], None]


class Answer(NamedTuple):
    """What came of it, for whoever waits."""

    #: None when no attempt was made.
    attempt: Attempt | None
    #: Why not, or why it came to nothing and comes again.
    decision: Hold | Refuse | None = None
    #: Why not, when it was no gate.
    reason: str | None = None
    #: The event is over with this answer; otherwise it waits for its time, or for a person.
    once: bool = False


class TradingExecutor:
    """Works claimed events, any number at the same time."""

    def __init__(
        self,
        store: Store,
        *,
        settings: Callable[[], Settings],
        gateway: Gateway,
        gatekeeper: Gatekeeper,
        post: Post,
        now: Callable[[], datetime],
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
        target: Target = main,
        reserve: Reserve | None = None,
    ) -> None:
        """`target` is what account processes run; in the `reserve` one may wait for its job."""
        self._store = store
        self._settings = settings
        self._client_ids = client_ids_of(store, settings(), lock_seconds=lock_timeout_seconds)
        self._gateway = gateway
        self._gatekeeper = gatekeeper
        self._settlement = Settlement(store, post, now)
        self._now = now
        self._lock_timeout_seconds = lock_timeout_seconds
        self._target = target
        self._reserve = reserve

    async def execute(
        self,
        claim: Claim,
        *,
        lease: Lease,
        stop: asyncio.Event,
        on_progress: Progress,
        once: bool = False,
    ) -> Answer:
        """Do what the event asks for; raises `LeaseLost` when somebody else has it by now.

        `stop` ends it in order. With `once` nothing is tried again later: whoever asked is told.
        """
        settings = self._settings()
        try:
            account = select_account(settings, claim.event.account_id)
        except SettingsError as error:
            return await self._without_account(claim, settings, f"{error}. Nothing was sent.", once)
        case = self._case(claim, account, settings, once)
        try:
            permission = await self._gatekeeper.ask(claim.event, account, settings)
        except (CalendarError, StoreUnavailable) as error:
            await self._settlement.not_now(case, str(error))
            return Answer(None, reason=str(error), once=once)
        if isinstance(permission.decision, Hold):
            await self._settlement.held(case, permission.decision)
            return Answer(None, permission.decision, once=once)
        if isinstance(permission.decision, Refuse):
            await self._settlement.refused(case, permission.decision)
            return Answer(None, permission.decision, once=once)
        made, run = await self._attempt(case, permission, lease, stop, on_progress)
        if made.failure is not None and made.failure.opens is not None and not once:
            # The account process asked the broker, as the gate asks the calendar.
            hold = opened_by_broker(made.failure.opens, str(made.failure), settings.config.gates)
            await self._settlement.held(case, hold, broker_is_closed=True)
            return Answer(made, hold)
        await self._settlement.ended(case, made, run, told_to_end=stop.is_set())
        return Answer(made)

    async def _attempt(
        self,
        case: Case,
        permission: Permission,
        lease: Lease,
        stop: asyncio.Event,
        on_progress: Progress,
    ) -> tuple[Attempt, RunRecord | None]:
        recorder = _Recorder(self._store, case, permission.session_date, self._now)
        work = Work(
            command=case.command,
            account=case.account,
            settings=case.settings,
            gateway=self._gateway,
            client_ids=self._client_ids,
            journal=self._journal(case),
            lock_timeout_seconds=self._lock_timeout_seconds,
            target=self._target,
            reserve=self._reserve,
        )
        made = await attempt(
            work,
            lease=lease,
            stop=stop,
            on_progress=on_progress,
            on_first_order=recorder.first_order,
            now=self._now,
        )
        return made, await recorder.run(made)

    def _journal(self, case: Case) -> StoreJournalKeeper | None:
        """Where the run is written down; None: in a file of this machine, which has the account."""
        writes = case.claim.event.command is Command.REBALANCE
        return (
            StoreJournalKeeper(self._store, case.claim)
            if writes and self._store.is_shared
            else None
        )

    def _case(self, claim: Claim, account: AccountConfig, settings: Settings, once: bool) -> Case:
        command = COMMANDS[claim.event.command]
        return Case(claim=claim, account=account, command=command, settings=settings, once=once)

    async def _without_account(
        self, claim: Claim, settings: Settings, reason: str, once: bool
    ) -> Answer:
        """The account left the configuration, or the mode, while its event was waiting."""
        unknown = AccountConfig(
            account_id=claim.event.account_id, type="paper", strategy_name="unknown"
        )
        configured = (a for a in settings.accounts if a.account_id == unknown.account_id)
        case = self._case(claim, next(configured, unknown), settings, once)
        await self._settlement.impossible(case, reason)
        return Answer(None, reason=reason, once=once)


class _Recorder:
    """Knows the run of an attempt; from its first order on the store knows it too."""

    def __init__(
        self, store: Store, case: Case, session_date: date | None, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._case = case
        self._session_date = session_date
        self._now = now
        self._writing: asyncio.Task[None] | None = None

    def first_order(self, run_id: str) -> None:
        """A run that is never heard of again has used up its session all the same."""
        record = run_records.begun(
            self._case.claim.event,
            run_id,
            mode=self._case.settings.mode,
            session_date=self._session_date,
            at=self._now(),
        )
        writing = insist(self._store, self._store.runs.record, record)
        self._writing = asyncio.create_task(writing)

    async def run(self, made: Attempt) -> RunRecord | None:
        """The run as it ended, to be recorded; None when the attempt never began one."""
        if self._writing is not None:
            await self._writing
        event = self._case.claim.event
        if event.command is not Command.REBALANCE or made.run_id is None:
            return None
        mode = self._case.settings.mode
        return run_records.ended(
            event, made.run_id, made, mode=mode, session_date=self._session_date
        )
