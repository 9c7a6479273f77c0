"""What became of a claimed event goes into the store, and to people who want to know.

Comes in: an attempt, or the gates' decision not to make one. It is recorded however long the store
is away, unless somebody else has the event meanwhile (`LeaseLost`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import structlog

from app import notifications
from app.events import Backoff, Claim, Command, EventSource, LeaseLost, NewEvent
from app.gates import Gate, Hold, Refuse
from app.notifications import Kind, Notification, Subject
from app.report.results import Preview, Run
from app.schedule import GUARD
from app.settings import Settings
from app.store import Store
from app.store.records import RunRecord
from broker_connector_base.models import AccountConfig

from .attempt import Attempt
from .commands import AccountCommand
from .moves import Move
from .patience import insist
from .result_row import failure_row

P = ParamSpec("P")
T = TypeVar("T")

Tell = Callable[[Notification], None]
"""Returns at once and never raises."""

_log = structlog.get_logger(__name__)

#: `run_records`: nobody saw the end of such a run, or it was made to end.
_CUT_OFF = frozenset({"running", "interrupted"})
_ASKER_KNOWS = "whoever asked for it was told, and may ask again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A claimed event and what there is to know about it."""

    claim: Claim
    account: AccountConfig
    command: AccountCommand
    settings: Settings
    #: Somebody waits for the answer and decides what comes next: nothing is tried again later.
    once: bool = False

    def subject(self, at: datetime) -> Subject:
        """What notifications are about."""
        zone = ZoneInfo(self.settings.config.notifications.time_zone)
        command = self.claim.event.command
        return Subject(account=self.account, command=command, at=at, zone=zone)


class Settlement:
    """Records outcomes and tells of them."""

    def __init__(self, store: Store, tell: Tell, now: Callable[[], datetime]) -> None:
        self._store = store
        self._tell = tell
        self._now = now

    async def ended(
        self, case: Case, attempt: Attempt, run: RunRecord | None, *, told_to_end: bool
    ) -> None:
        """After an attempt, with its `run` if it began one.

        One that was only told to end keeps its place in the queue.
        """
        message, events = str(attempt.row["message"]), self._store.events
        again_at: datetime | None = None
        if attempt.move is not Move.FINISH:
            await self._keep(case, attempt, run)
        if attempt.move is Move.FINISH:
            await self._finish(case, attempt, run)
        elif attempt.move is Move.PARK:
            await self._park(case, message, attempt)
        elif case.once:
            await self._give_up(case, message, attempt)
        elif told_to_end:
            await self._do(events.release, case.claim, message)
            return
        else:
            again_at = await self._try_again(case, message)
        # One message a run: what it did, if that is known, and otherwise how it failed.
        news = _news(case, attempt, again_at)
        if attempt.move is Move.PARK and (news is None or news.kind is not Kind.NEEDS_ATTENTION):
            news = notifications.needs_attention(case.subject(attempt.finished_at), message)
        if news is None and again_at is not None:
            news = self._failure(case, message, again_at)
        if news is not None:
            self._tell(news)

    async def _finish(self, case: Case, attempt: Attempt, run: RunRecord | None) -> None:
        finish, preview = self._store.events.finish, _is_preview(case, attempt)
        try:
            await self._do(finish, case.claim, attempt.row, run=run, is_preview=preview)
        except LeaseLost:
            # Somebody else has the event, but what was done was done.
            await self._keep(case, attempt, run)
            raise

    async def _keep(self, case: Case, attempt: Attempt, run: RunRecord | None) -> None:
        event, store = case.claim.event, self._store
        if run is not None:
            await self._do(store.runs.record, run)
        if _is_preview(case, attempt):
            record, event_id = store.previews.record, event.event_id
            await self._do(record, event.account_id, attempt.row, event_id=event_id)

    async def held(self, case: Case, hold: Hold) -> None:
        """The event waits; whoever asked for an answer gets this one instead."""
        if case.once:
            await self._give_up(case, hold.reason)
            return
        again = hold.until
        await self._do(self._store.events.hold, case.claim, again, hold.reason)
        if hold.gate is not Gate.PAUSE:
            subject = case.subject(self._now())
            self._tell(notifications.postponed(subject, hold.reason, until=again))

    async def refused(self, case: Case, refusal: Refuse) -> None:
        """The event is over, or waits for a person."""
        claim, now, reason = case.claim, self._now(), refusal.reason
        row = failure_row(
            case.account,
            Move.PARK if refusal.park else Move.RETRY,
            mode=case.command.mode,
            kind=refusal.gate.name,
            message=reason,
            at=now,
        )
        if refusal.at_next_open:
            await self._put_off(claim.event.account_id, reason)
        if refusal.park and case.once:
            await self._give_up(case, reason)
        elif refusal.park:
            await self._do(self._store.events.park, claim, reason, row)
            self._tell(notifications.needs_attention(case.subject(now), reason))
        else:
            await self._do(self._store.events.finish, claim, {**row, "status": "refused"})
            self._tell(_refusal(refusal, case.subject(now)))

    async def _put_off(self, account_id: str, reason: str) -> None:
        """On the market-open list; what an interrupted run left working is taken back now."""
        await self._do(self._store.market_open.add, account_id, GUARD, reason)
        latest = await self._do(self._store.runs.list, 1, account_id=account_id)
        if any(run.status in _CUT_OFF for run in latest):
            cancel = NewEvent(
                account_id=account_id,
                command=Command.CANCEL_ORDERS,
                source=EventSource.GUARD,
                source_ref="a run was interrupted",
            )
            await self._do(self._store.events.enqueue, cancel)

    async def impossible(self, case: Case, reason: str) -> None:
        """Nothing was tried, and nothing can be before somebody changes something."""
        refusal = Refuse(gate=Gate.MODE, reason=reason, park=True)
        await self.refused(case, refusal)

    async def not_now(self, case: Case, reason: str) -> None:
        """Nothing was tried, for a reason that passes."""
        if case.once:
            await self._give_up(case, reason)
            return
        again_at = await self._try_again(case, reason)
        if (news := self._failure(case, reason, again_at)) is not None:
            self._tell(news)

    async def _try_again(self, case: Case, reason: str) -> datetime:
        """When."""
        delay = _backoff(case.settings).delay(case.claim.event.times_queued)
        await self._do(self._store.events.retry, case.claim, reason, delay)
        return self._now() + delay

    def _failure(self, case: Case, reason: str, again_at: datetime) -> Notification | None:
        subject, times = case.subject(self._now()), case.claim.event.times_queued
        return notifications.attempt_failed(subject, reason, times_queued=times, again_at=again_at)

    async def _park(self, case: Case, message: str, attempt: Attempt) -> None:
        in_doubt = attempt.failure is None or attempt.failure.needs_attention
        if case.once and not in_doubt:
            await self._give_up(case, message, attempt)
            return
        await self._do(self._store.events.park, case.claim, message, attempt.row)

    async def _give_up(self, case: Case, reason: str, attempt: Attempt | None = None) -> None:
        event_id, events = case.claim.event.event_id, self._store.events
        await self._do(events.park, case.claim, reason, attempt.row if attempt else None)
        await self._do(events.dismiss, event_id, _ASKER_KNOWS)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await insist(self._store, work, *args, **kwargs)


def _is_preview(case: Case, attempt: Attempt) -> bool:
    return case.claim.event.command is Command.PRINT_REBALANCE and attempt.document is not None


def _news(case: Case, attempt: Attempt, again_at: datetime | None) -> Notification | None:
    """What the result itself says."""
    if attempt.document is None:
        return None
    subject = case.subject(attempt.finished_at)
    if case.claim.event.command is Command.REBALANCE:
        run = Run.model_validate_json(attempt.document)
        return notifications.run_finished(subject, run, again_at=again_at)
    if case.claim.event.command is Command.PRINT_REBALANCE:
        return notifications.previewed(subject, Preview.model_validate_json(attempt.document))
    return None


def _refusal(refusal: Refuse, subject: Subject) -> Notification:
    if refusal.gate is Gate.AGE:
        return notifications.stale(subject, refusal.reason)
    return notifications.postponed(subject, refusal.reason, until=None)


def _backoff(settings: Settings) -> Backoff:
    retry = settings.config.retry
    first = timedelta(seconds=retry.first_delay_seconds)
    longest = timedelta(seconds=retry.longest_delay_seconds)
    return Backoff(first=first, cap=max(first, longest))
