"""From messages of a strategy's channel to events of the accounts that follow it.

Comes in: recorded messages, in the order in which they were published. Goes out: one event for each
enabled account, in the same transaction that ticks the message off; or a status that says why there
is none. A message is never dropped in silence, and never dispatched twice. Of a channel, one goes
after the other in that order, but for a message that the program has a fault with: nothing is held
up by it, so it may go after newer ones, and what it says is then what its accounts' events say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.events import EventSource, NewEvent
from app.notifications import Kind, Notification, Tell, alert
from app.settings import Settings, processed_accounts
from app.store import Store, StoreError, StoreUnavailable, Topic
from app.store.records import MessageStatus, StoredMessage

from .commands import command_of
from .waking import Waking

_log = structlog.get_logger(__name__)

#: So long a message waits for older ones that are still being read from history.
CATCH_UP_PATIENCE = timedelta(seconds=30)
#: Characters of a reason that people surely read.
_LONGEST = 500
#: What a payload raises that no event can be made of.
_UNUSABLE = (ValueError, RecursionError)

Payload = Callable[[str], Mapping[str, Any] | None]
"""The payload of a raw message; None when it is no object."""


class StrategyExecutor:
    """Dispatches messages, one after the other."""

    def __init__(
        self,
        store: Store,
        *,
        settings: Callable[[], Settings],
        payload_of: Payload,
        is_caught_up: Callable[[str], bool],
        tell: Tell,
        now: Callable[[], datetime],
    ) -> None:
        """`is_caught_up` says of a channel whether all older messages are recorded."""
        self._store = store
        self._settings = settings
        self._payload_of = payload_of
        self._is_caught_up = is_caught_up
        self._tell = tell
        self._now = now
        self._waking = Waking(store, Topic.MESSAGES)
        #: Messages of which people know that they are tried again.
        self._put_off: set[int] = set()

    async def run(self, end: asyncio.Event) -> None:
        """Dispatch whatever is recorded until `end` is set."""
        with self._waking.listening(end):
            while not end.is_set():
                self._waking.listen_from_now()
                try:
                    await self.dispatch_all()
                except StoreUnavailable as error:
                    _log.warning("dispatch.store_unavailable", error=str(error))
                await self._waking.wait()

    async def dispatch_all(self) -> None:
        """Dispatch what may be by now; raises `StoreUnavailable`.

        A message that fails in a way that nobody foresaw holds up no other. It is tried again,
        until it is dispatched or too old.
        """
        waiting: set[str] = set()
        found = await self._store.call(self._store.messages.undispatched, 1000)
        self._put_off.intersection_update(stored.number for stored in found)
        for stored in found:
            channel = stored.message.channel
            if channel in waiting or not self._may_go(stored):
                waiting.add(channel)
                continue
            try:
                await self._dispatch(stored)
            except StoreError:
                raise
            except Exception as error:
                self._complain(stored, error)

    def _may_go(self, stored: StoredMessage) -> bool:
        if self._is_caught_up(stored.message.channel):
            return True
        return self._now() - stored.received_at > CATCH_UP_PATIENCE

    async def _dispatch(self, stored: StoredMessage) -> None:
        events: tuple[NewEvent, ...] = ()
        try:
            status, detail, events = self._judge(stored, self._settings())
        except _UNUSABLE as error:
            status, detail = MessageStatus.MALFORMED, _in_words(error)
        dispatch = self._store.messages.dispatch
        dispatched = await self._store.call(dispatch, stored, events, status, detail)
        if dispatched is None:
            return
        message = stored.message
        _log.info(
            "message.dispatched",
            channel=message.channel,
            message_id=message.message_id,
            status=status.value,
            events=[enqueued.event_id for enqueued in dispatched],
        )
        if status is MessageStatus.STALE:
            self._tell(_stale(stored, detail or ""))
        if status is MessageStatus.MALFORMED:
            self._tell(_malformed(stored, detail or ""))

    def _complain(self, stored: StoredMessage, error: Exception) -> None:
        message_id, detail = stored.message.message_id, _in_words(error)
        if stored.number in self._put_off:
            _log.debug("message.not_dispatched", message_id=message_id, error=detail)
            return
        self._put_off.add(stored.number)
        _log.error("message.not_dispatched", message_id=message_id, exc_info=error)
        self._tell(_put_off(stored, detail))

    def _judge(
        self, stored: StoredMessage, settings: Settings
    ) -> tuple[MessageStatus, str | None, tuple[NewEvent, ...]]:
        message = stored.message
        accounts = [a for a in processed_accounts(settings) if a.strategy_name == message.channel]
        if not accounts:
            detail = f"no enabled {settings.account_type} account follows {message.channel}"
            return MessageStatus.NOBODY_FOLLOWS, detail, ()
        age, limit = self._now() - message.timestamp, settings.config.events.max_age_minutes
        if age > timedelta(minutes=limit):
            minutes = age.total_seconds() / 60
            detail = f"{minutes:,.0f} minutes old when it was looked at; {limit} are allowed"
            return MessageStatus.STALE, detail, ()
        payload = self._payload_of(message.raw) or {}
        return (
            MessageStatus.DISPATCHED,
            None,
            tuple(
                NewEvent(
                    account_id=account.account_id,
                    command=command_of(payload),
                    payload=payload,
                    source=EventSource.ABLY,
                    source_ref=message.message_id,
                )
                for account in accounts
            ),
        )


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_LONGEST]


def _malformed(stored: StoredMessage, detail: str) -> Notification:
    message = stored.message
    return alert(
        f"Not done, cannot be used: a message of {message.channel}",
        f"Message {message.message_id}, published {message.timestamp:%Y-%m-%d %H:%M} UTC, led to "
        f"no event ({detail}). It is kept, nothing was sent. Ask its publisher, or for what it "
        "wanted yourself.",
    )


def _put_off(stored: StoredMessage, detail: str) -> Notification:
    message = stored.message
    return alert(
        f"Not done yet: a message of {message.channel}",
        f"Message {message.message_id}, published {message.timestamp:%Y-%m-%d %H:%M} UTC, could "
        f"not be dispatched by a fault in the program ({detail}). Nothing was sent. It is tried "
        "again until it is too old (events.max_age_minutes).",
    )


def _stale(stored: StoredMessage, detail: str) -> Notification:
    message = stored.message
    return Notification(
        kind=Kind.STALE,
        title=f"Not done, too old: a message of {message.channel}",
        body=f"Published {message.timestamp:%Y-%m-%d %H:%M} UTC, {detail} "
        "(events.max_age_minutes). Nothing was sent. Ask for it again if it is still wanted.",
    )
