"""Commands that trade go through the store of events, as everybody's do: one run an account.

The command enqueues an event and works it itself, with the same code as the service. While the
account is being worked elsewhere it waits; when a service was faster, it follows the event to its
end. Comes in: a task. Goes out: the report that the task without a store would give.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from app import interruption
from app.account_process.messages import Address
from app.events import (
    Claim,
    Command,
    Enqueued,
    Event,
    EventSource,
    EventState,
    LeaseLost,
    NewEvent,
    StandsForOthers,
    WrongState,
)
from app.execution import (
    Answer,
    Gatekeeper,
    LeaseKeeper,
    TradingExecutor,
    Waking,
    insist,
)
from app.gates import Hold, Refuse
from app.logs import configure_logging
from app.market import MarketCalendar
from app.notifications import PlainPost
from app.report.progress import ProgressLines
from app.store import Store, StoreError, Topic, open_store

from .outcome import CommandFailed, ExitCode, say
from .session import Session
from .task import LOCK_TIMEOUT_SECONDS, failed

Progress = Callable[[bytes], None]

#: Where a result is that could not be printed.
KEPT = (
    "the result is kept with its event (/queue/events of a service), and `positions` and `orders` "
    "show the account"
)
_AFTERMATH = (
    "Orders may be working or filled: the next run of this account reconciles them from its "
    "journal before it sends anything."
)


def work_event(session: Session, command: Command) -> bytes:
    """The result of the command for the session's account, as JSON; raises `CommandFailed`."""
    settings, address = session.settings, session.gateway()
    # Standard output belongs to the command.
    configure_logging(settings, command=command.value)
    try:
        with open_store(settings.database_url, mode=settings.mode.value) as store:
            return asyncio.run(_until_interrupted(_Errand(session, command, store, address)))
    except StoreError as error:
        raise CommandFailed(
            f"{error}. Nothing was sent.", kind=type(error).__name__, exit_code=ExitCode.FAILED
        ) from error


async def _until_interrupted(errand: _Errand) -> bytes:
    running = asyncio.current_task()
    assert running is not None

    def interrupt() -> None:
        # The first time in order, with a report; then with less and less patience.
        if errand.stop.is_set():
            running.cancel()
        errand.stop.set()

    loop = asyncio.get_running_loop()
    interruption.react(partial(loop.call_soon_threadsafe, interrupt))
    try:
        return await errand.run()
    finally:
        # What was sent is known now, and about to be told.
        interruption.ignore()


class _Errand:
    """One event, from the terminal into the queue and to its end."""

    def __init__(self, session: Session, command: Command, store: Store, address: Address) -> None:
        (self._account,) = session.accounts
        self._command = command
        self._store = store
        self._name = f"cli-{socket.gethostname()}-{os.getpid()}"
        self._leases = LeaseKeeper(store)
        self._tell: Progress = (lambda _: None) if session.quiet else ProgressLines(say)
        self._said = ""
        self._quiet = session.quiet
        self.stop = asyncio.Event()
        settings, now = session.settings, partial(datetime.now, UTC)

        async def gateway(_: object) -> Address:
            return address

        self._executor = TradingExecutor(
            store,
            settings=lambda: settings,
            gateway=gateway,
            gatekeeper=Gatekeeper(store, MarketCalendar(settings.calendar_directory), now),
            # Whoever could be told sits at the terminal.
            post=PlainPost(lambda _: None),
            now=now,
            lock_timeout_seconds=LOCK_TIMEOUT_SECONDS,
        )

    async def run(self) -> bytes:
        """The result as JSON; raises `CommandFailed`."""
        new = NewEvent(
            account_id=self._account.account_id,
            command=self._command,
            source=EventSource.CLI,
            source_ref=self._name,
            payload={"exec": self._command.value},
        )
        keeping = asyncio.create_task(self._leases.run())
        try:
            try:
                enqueued = await self._store.call(self._store.events.enqueue, new)
                found = await self._wait(enqueued)
            except asyncio.CancelledError:
                raise self._given_up() from None
            if isinstance(found, Event):
                return _result_of(found)
            return await self._work(found, enqueued)
        finally:
            keeping.cancel()

    async def _wait(self, enqueued: Enqueued) -> Claim | Event:
        """The claim of our event, or the event at its end when somebody else has worked it.

        Raises `CommandFailed` when it would wait for too long.
        """
        events, event_id = self._store.events, enqueued.event_id
        waking = Waking(self._store, Topic.EVENTS)
        with waking.listening(self.stop):
            while True:
                waking.listen_from_now()
                claim = await insist(self._store, events.claim, self._name, event_id=event_id)
                if claim is not None:
                    return claim
                event = await insist(self._store, events.get, event_id)
                if event.state is EventState.MERGED and event.merged_into:
                    event_id = event.merged_into
                    continue
                if event.state not in (EventState.QUEUED, EventState.RUNNING):
                    return event
                if event.state is EventState.QUEUED and event.not_before is not None:
                    raise _postponed(event)
                if self.stop.is_set():
                    raise await self._interrupted(enqueued, event)
                cause = await self._cause(event)
                if cause is None:
                    raise await self._paused(enqueued, event)
                self._say(f"waiting: {cause}")
                await waking.wait()

    async def _cause(self, event: Event) -> str | None:
        """What is waited for, or None when that may be for ever: the account is paused."""
        if event.state is EventState.RUNNING:
            return f"{event.worker} is working it (event {event.event_id})"
        store, account_id = self._store, event.account_id
        active = await insist(
            store, store.events.summaries, states={EventState.RUNNING}, account_id=account_id
        )
        if active:
            return f"{active[0].worker} runs {active[0].command} of {account_id}"
        may_be_paused = event.command is Command.REBALANCE
        if may_be_paused and await insist(store, store.controls.is_paused, account_id):
            return None
        return "its turn is about to come"

    async def _interrupted(self, enqueued: Enqueued, event: Event) -> CommandFailed:
        taken_back = await self._take_back(enqueued, event, "interrupted at the terminal")
        end = "no order was sent" if taken_back else "it goes on without this command"
        return CommandFailed(
            f"{self._command} was interrupted while it was waiting; {end}",
            kind="RunInterrupted",
            exit_code=ExitCode.FAILED,
        )

    def _given_up(self) -> CommandFailed:
        """When it is interrupted again before it is known what becomes of its event."""
        return CommandFailed(
            f"{self._command} was interrupted twice while it was waiting; this command sent "
            "nothing. Its event, if it was recorded, goes on without it unless it was taken back",
            kind="RunInterrupted",
            exit_code=ExitCode.FAILED,
        )

    async def _paused(self, enqueued: Enqueued, event: Event) -> CommandFailed:
        why = f"rebalances of {event.account_id} are paused"
        if await self._take_back(enqueued, event, f"{why}, and the command does not wait for it"):
            end = "nothing was sent. Resume, then try again."
        else:
            end = (
                f"this command sent nothing. Event {event.event_id} goes on without it once they "
                "are resumed: it is not this command's alone."
            )
        return CommandFailed(f"{why}; {end}", kind="Paused", exit_code=ExitCode.FAILED)

    async def _take_back(self, enqueued: Enqueued, event: Event, reason: str) -> bool:
        """Cancel the event while it waits, if nobody else asked for it."""
        if enqueued.merged or event.event_id != enqueued.event_id:
            return False
        try:
            await self._store.call(self._store.events.cancel, event.event_id, reason)
        except (WrongState, StandsForOthers):  # somebody has begun it, or has joined
            return False
        return True

    async def _work(self, claim: Claim, enqueued: Enqueued) -> bytes:
        with self._leases.holding(claim) as held:
            ending = asyncio.create_task(self.stop.wait())
            ending.add_done_callback(lambda _: held.stop.set())
            try:
                once = await self._is_ours_alone(claim, enqueued)
                answer = await self._executor.execute(
                    claim, lease=held.lease, stop=held.stop, on_progress=self._tell, once=once
                )
            except (LeaseLost, StoreError) as error:
                raise CommandFailed(
                    f"{error}. {_AFTERMATH}",
                    kind=type(error).__name__,
                    exit_code=ExitCode.NEEDS_ATTENTION,
                ) from error
            except asyncio.CancelledError:
                raise await self._abandoned(claim) from None
            finally:
                ending.cancel()
        return document_of(answer)

    async def _abandoned(self, claim: Claim) -> CommandFailed:
        what = f"{self._command} was interrupted twice, and its report given up. {_AFTERMATH}"
        # Whatever becomes of it, the event comes back when its lease is over.
        with suppress(LeaseLost, StoreError, asyncio.CancelledError):
            await self._store.call(self._store.events.park, claim, what)
        return CommandFailed(what, kind="AccountProcessError", exit_code=ExitCode.NEEDS_ATTENTION)

    async def _is_ours_alone(self, claim: Claim, enqueued: Enqueued) -> bool:
        """An event that others have merged into is theirs as well: it is tried again for them."""
        event_id, events = claim.event.event_id, self._store.events
        if enqueued.merged or event_id != enqueued.event_id:
            return False
        return await insist(self._store, events.merged_count, event_id) == 0

    def _say(self, line: str) -> None:
        if line != self._said and not self._quiet:
            say(line)
        self._said = line


def document_of(answer: Answer) -> bytes:
    """The result as JSON; raises `CommandFailed` when there is none."""
    if answer.attempt is None or answer.decision is not None:
        raise _not_begun(answer)
    if answer.attempt.failure is not None:
        raise failed(answer.attempt.failure) from answer.attempt.failure
    assert answer.attempt.document is not None
    return answer.attempt.document


def _not_begun(answer: Answer) -> CommandFailed:
    """What stood in the way, and whether anything is left that comes again by itself."""
    decision, code = answer.decision, ExitCode.FAILED
    text = str(decision.reason if decision else answer.reason).removesuffix(".")
    if isinstance(decision, Hold) and answer.attempt is None:
        # After an attempt, its own words say so.
        text += ". Nothing was sent"
    if isinstance(decision, Refuse) and not decision.park:
        then = "."  # it is over, and says what comes of it
    elif answer.once:
        then = ". No event is left waiting: run the command again after that."
    elif isinstance(decision, Refuse):
        then, code = ". Its event waits for a person: see `attention`.", ExitCode.NEEDS_ATTENTION
    else:
        then = ". Its event, which others asked for, too, waits in the queue."
    kind = decision.gate.name if decision else "NotNow"
    return CommandFailed(text + then, kind=kind, exit_code=code)


def _result_of(event: Event) -> bytes:
    """The result of an event that somebody else has worked."""
    row = event.result or {}
    if details := row.get("details"):
        return json.dumps(details).encode()
    parked = event.state is EventState.NEEDS_ATTENTION
    error = row.get("error")
    raise CommandFailed(
        str(event.error or event.reason or row.get("message") or f"the event is {event.state}"),
        kind=str(error["kind"]) if isinstance(error, dict) else "EventEnded",
        exit_code=ExitCode.NEEDS_ATTENTION if parked else ExitCode.FAILED,
    )


def _postponed(event: Event) -> CommandFailed:
    reason = event.reason or event.error or "it was put off"
    return CommandFailed(
        f"{reason}. The service tries it again at {event.not_before:%Y-%m-%d %H:%M:%S} UTC "
        f"(event {event.event_id}).",
        kind="Postponed",
        exit_code=ExitCode.FAILED,
    )
