"""What became of a claimed event goes into the store, and to people who want to know.

Comes in: an attempt, or the gates' decision not to make one. It is recorded however long the store
is away, unless somebody else has the event meanwhile (`LeaseLost`), and in one transaction with
what is told of it, so that somebody tells it whatever happens to this process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import structlog

from app import notifications
from app.events import Backoff, Claim, Command, EventSource, LeaseLost, NewEvent
from app.gates import Gate, Hold, Refuse
from app.notifications import Kind, Notification, Post, Subject
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

    def __init__(self, store: Store, post: Post, now: Callable[[], datetime]) -> None:
        self._store = store
        self._post = post
        self._now = now

    async def ended(
        self, case: Case, attempt: Attempt, run: RunRecord | None, *, told_to_end: bool
    ) -> None:
        """After an attempt, with its `run` if it began one.

        One that was only told to end keeps its place in the queue.
        """
        message, events, claim = str(attempt.row["message"]), self._store.events, case.claim
        if attempt.move is not Move.FINISH:
            await self._keep(case, attempt, run)
        comes_again = attempt.move is Move.RETRY and not case.once
        if comes_again and told_to_end:
            await self._do(events.release, claim, message)
            return
        delay = _backoff(case.settings).delay(claim.event.times_queued)
        again_at = self._now() + delay if comes_again else None
        news = _in_words(case, message, lambda: self._news(case, attempt, again_at))
        if attempt.move is Move.FINISH:
            await self._finish(news, case, attempt, run)
        elif comes_again:
            await self._record(news, events.retry, claim, message, delay)
        elif attempt.move is Move.PARK and not (case.once and _is_clear(attempt)):
            await self._record(news, events.park, claim, message, attempt.row)
        else:
            await self._give_up(case, message, attempt)
            self._tell(news)

    async def _finish(
        self, news: Notification | None, case: Case, attempt: Attempt, run: RunRecord | None
    ) -> None:
        preview = _is_preview(case, attempt)
        finish = partial(self._store.events.finish, run=run, is_preview=preview)
        try:
            await self._record(news, finish, case.claim, attempt.row)
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

    async def held(self, case: Case, hold: Hold, *, broker_is_closed: bool = False) -> None:
        """The event waits; whoever asked for an answer gets this one instead.

        It grows no older meanwhile where it is the broker's hours that it waits for.
        """
        if case.once:
            await self._give_up(case, hold.reason)
            return

        def words() -> Notification | None:
            if hold.gate is Gate.PAUSE:
                return None
            subject = case.subject(self._now())
            return notifications.postponed(subject, hold.reason, until=hold.until)

        news = _in_words(case, hold.reason, words)
        hold_it = partial(self._store.events.hold, is_closed=broker_is_closed)
        await self._record(news, hold_it, case.claim, hold.until, hold.reason)

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
            return
        news = _in_words(case, reason, lambda: _refusal(refusal, case.subject(now)))
        if refusal.park:
            await self._record(news, self._store.events.park, claim, reason, row)
        else:
            refused = {**row, "status": "refused"}
            await self._record(news, self._store.events.finish, claim, refused)

    async def _put_off(self, account_id: str, reason: str) -> None:
        """On the market-open list; what an interrupted run left working is taken back now."""
        await self._do(self._store.market_open.add, account_id, GUARD, reason)
        latest = await self._do(self._store.runs.summaries, 1, account_id=account_id)
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
        delay = _backoff(case.settings).delay(case.claim.event.times_queued)
        again_at = self._now() + delay
        news = _in_words(case, reason, lambda: self._failure(case, reason, again_at))
        await self._record(news, self._store.events.retry, case.claim, reason, delay)

    def _news(self, case: Case, attempt: Attempt, again_at: datetime | None) -> Notification | None:
        """One message a run: what it did, if that is known, and otherwise how it failed."""
        message, news = str(attempt.row["message"]), _result(case, attempt, again_at)
        if attempt.move is Move.PARK and (news is None or news.kind is not Kind.NEEDS_ATTENTION):
            return notifications.needs_attention(case.subject(attempt.finished_at), message)
        if news is None and again_at is not None:
            return self._failure(case, message, again_at)
        return news

    def _failure(self, case: Case, reason: str, again_at: datetime) -> Notification | None:
        subject, times = case.subject(self._now()), case.claim.event.times_queued
        return notifications.attempt_failed(subject, reason, times_queued=times, again_at=again_at)

    async def _give_up(self, case: Case, reason: str, attempt: Attempt | None = None) -> None:
        event_id, events = case.claim.event.event_id, self._store.events
        await self._do(events.park, case.claim, reason, attempt.row if attempt else None)
        await self._do(events.dismiss, event_id, _ASKER_KNOWS)

    async def _record(
        self, news: Notification | None, work: Callable[..., object], *args: object
    ) -> None:
        """Record an outcome together with what is told of it, then tell."""
        letter = self._post.letter(news) if news is not None else None
        await self._do(work, *args, letter=letter)
        if news is not None:
            self._post.send(news, letter)

    def _tell(self, news: Notification | None) -> None:
        if news is not None:
            self._post.send(news, None)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await insist(self._store, work, *args, **kwargs)


def _is_preview(case: Case, attempt: Attempt) -> bool:
    return case.claim.event.command is Command.PRINT_REBALANCE and attempt.document is not None


def _in_words(
    case: Case, reason: str, write: Callable[[], Notification | None]
) -> Notification | None:
    """What is told. Whatever is wrong with the words, the outcome is recorded, and told."""
    try:
        return write()
    except Exception:
        event = case.claim.event
        _log.exception("notification.not_written", event_id=event.event_id)
        what = f"What became of {event.command} of {event.account_id} cannot be shown"
        return notifications.alert(what, reason)


def _is_clear(attempt: Attempt) -> bool:
    """It failed, and nothing is in doubt."""
    return attempt.failure is not None and not attempt.failure.needs_attention


def _result(case: Case, attempt: Attempt, again_at: datetime | None) -> Notification | None:
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
    if refusal.park:
        return notifications.needs_attention(subject, refusal.reason)
    if refusal.gate is Gate.AGE:
        return notifications.stale(subject, refusal.reason)
    return notifications.postponed(subject, refusal.reason, until=None)


def _backoff(settings: Settings) -> Backoff:
    retry = settings.config.retry
    first = timedelta(seconds=retry.first_delay_seconds)
    longest = timedelta(seconds=retry.longest_delay_seconds)
    return Backoff(first=first, cap=max(first, longest))
