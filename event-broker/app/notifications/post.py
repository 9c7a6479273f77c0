"""Results are told even if the process that had them dies: letters in the store's outbox.

A letter is recorded together with the outcome that it tells of, delivered by the notifier, and then
settled in the store. What another process left behind is taken over and sent, once: a sender that
lives changes the beat of its letters at every look, so one whose beat stands still has vanished.
A process that is killed between a delivery and its settlement makes a letter come twice; as long as
one address is down, its letters wait to be settled although the others have them.

Nothing here makes a run wait, or fail.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Protocol

import structlog

from app.store import Store, StoreError
from app.store.records import Letter, LetterOutcome, OpenLetter

from .notification import Kind, Notification, Tell
from .notifier import Notifier

_log = structlog.get_logger(__name__)

#: How soon what is delivered is settled.
_TICK_SECONDS = 1.0
#: Seconds between two looks at the outbox.
_LOOK_SECONDS = 5.0
#: So many looks in a row must find a beat unchanged: two may be late or lost. Looks are counted
#: instead of seconds, because they stop with this process.
_LOOKS = 3


class Post(Protocol):
    """What a settlement needs: a way to tell of what it records."""

    def letter(self, notification: Notification) -> Letter | None:
        """To be recorded with the outcome; None when nobody is told of such a thing."""

    def send(self, notification: Notification, letter: Letter | None) -> None:
        """Have it sent, after that; returns at once and never raises."""


class PlainPost:
    """For those who tell somebody that sits and waits, or nobody: nothing is recorded."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def letter(self, notification: Notification) -> Letter | None:
        """None."""
        return None

    def send(self, notification: Notification, letter: Letter | None) -> None:
        """Tell."""
        self._tell(notification)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """A letter as it was found, and how many looks later it still was like that."""

    letter: OpenLetter
    looks: int


class StorePost:
    """The post of one process of the service."""

    def __init__(self, store: Store, notifier: Notifier) -> None:
        self._store = store
        self._notifier = notifier
        self._sender = uuid.uuid4().hex
        self._lock = threading.Lock()
        #: Letters that the notifier has.
        self._in_hand: set[str] = set()
        self._settled: dict[str, LetterOutcome] = {}
        self._watched: dict[str, _Watched] = {}
        self._next_look = float("-inf")
        notifier.report_to(self._note)

    def letter(self, notification: Notification) -> Letter | None:
        """See `Post`."""
        if not self._notifier.delivers(notification.kind):
            return None
        return Letter(
            key=uuid.uuid4().hex,
            sender=self._sender,
            kind=notification.kind.value,
            title=notification.title,
            body=notification.body,
        )

    def send(self, notification: Notification, letter: Letter | None) -> None:
        """See `Post`."""
        self._hand_over(replace(notification, key=letter.key if letter else None))

    async def run(self, end: asyncio.Event) -> None:
        """Do what there is to do until nothing more will be sent; never raises."""
        while not end.is_set():
            await self.tick(monotonic())
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await end.wait()

    async def tick(self, now: float) -> None:
        """Settle what was delivered, and look from time to time; `now` is monotonic seconds.

        While the store is away it does nothing.
        """
        try:
            await self._settle()
            if now >= self._next_look:
                self._next_look = now + _LOOK_SECONDS
                await self._look()
        except StoreError as error:
            # Nobody could show that he lives.
            self._watched.clear()
            _log.debug("outbox.unavailable", error=str(error))
        except Exception:
            # What is told late is told; a service that ends over it does not trade.
            self._watched.clear()
            _log.exception("outbox.failed")

    async def close(self) -> None:
        """After the notifier has ended: what it could not deliver is anybody's."""
        outbox = self._store.outbox
        try:
            await self._settle()
            if any(letter.sender == self._sender for letter in await self._open()):
                await self._store.call(outbox.release, self._sender)
        except StoreError as error:
            # Others will notice.
            _log.warning("outbox.unavailable", error=str(error))

    def _hand_over(self, notification: Notification) -> None:
        if notification.key is not None:
            with self._lock:
                self._in_hand.add(notification.key)
        self._notifier.send(notification)

    def _note(self, key: str, outcome: LetterOutcome) -> None:
        with self._lock:
            self._in_hand.discard(key)
            self._settled[key] = outcome

    async def _settle(self) -> None:
        with self._lock:
            outcomes, self._settled = self._settled, {}
        if not outcomes:
            return
        try:
            await self._store.call(self._store.outbox.settle, outcomes)
        except StoreError:
            with self._lock:
                self._settled = outcomes | self._settled
            raise

    async def _open(self) -> tuple[OpenLetter, ...]:
        return await self._store.call(self._store.outbox.open)

    async def _look(self) -> None:
        if not self._notifier.has_addresses:
            return
        found = await self._open()
        with self._lock:
            in_hand = self._in_hand & {one.key for one in found if one.sender == self._sender}
        if in_hand:
            await self._store.call(self._store.outbox.beat, self._sender, in_hand)
        # One of our own that the notifier never got is as lost as another's.
        abandoned = self._watch([one for one in found if one.key not in in_hand])
        if not abandoned:
            return
        taken = await self._store.call(self._store.outbox.take, abandoned, self._sender)
        for letter in taken:
            _log.info("notification.taken_over", title=letter.title)
            kind = Kind(letter.kind) if letter.kind in set(Kind) else Kind.ALERT
            self._hand_over(
                Notification(kind=kind, title=letter.title, body=letter.body, key=letter.key)
            )

    def _watch(self, silent: list[OpenLetter]) -> list[OpenLetter]:
        """Those whose senders have vanished."""
        before, self._watched = self._watched, {}
        for letter in silent:
            seen = before.get(letter.key)
            looks = seen.looks + 1 if seen and seen.letter == letter else 0
            self._watched[letter.key] = _Watched(letter=letter, looks=looks)
        return [
            watched.letter
            for watched in self._watched.values()
            if watched.letter.sender is None or watched.looks >= _LOOKS
        ]
