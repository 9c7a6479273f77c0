"""One channel: what arrives is recorded, what was missed is read again, and how far it is complete.

Attachments, messages and pings come in from the connection; records, gaps and alerts go out. It
knows no socket, and it lives through all connections. All its times are the server's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.store import Store
from app.store.records import Feed as FeedRecord

from .continuity import Continuity
from .history import History, HistoryForbidden
from .options import Patience
from .recorder import Alert, Recorder
from .status import AlertKind, FeedStatus

_log = structlog.get_logger(__name__)

#: The most that a rewind brings back (ably.com/docs/channels/options/rewind).
REWIND_LIMIT = 100
#: Attaches afresh with a rewind of this length; returns when all that came back was received.
Rewind = Callable[[timedelta], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """What a feed reads while one client lives."""

    history: History
    server_now: Callable[[], Awaitable[datetime]]
    rewind: Rewind


class Feed:
    """A channel that strategies' signals come on."""

    def __init__(
        self,
        recorder: Recorder,
        store: Store,
        *,
        retention: timedelta,
        patience: Patience,
        alert: Alert,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called after every change of the status; it must not block."""
        self.channel = recorder.channel
        self.status = FeedStatus(channel=self.channel)
        self._recorder = recorder
        self._store = store
        self._retention = retention
        self._patience = patience
        self._alert = alert
        self._changed = changed
        self._continuity = Continuity()
        #: As the store has it.
        self._record: FeedRecord | None = None
        self._sources: Sources | None = None
        self._wanted = asyncio.Event()
        #: The times of what a rewind brings back, while it does.
        self._rewound: list[datetime] | None = None

    # From the connection, on its event loop

    def attached(self, *, resumed: bool) -> None:
        """The channel is attached; unless it was resumed, messages may have been missed."""
        resumed = resumed or self._rewound is not None
        self._show(self._continuity.joined(resumed=resumed), problem=None)
        if not resumed:
            self._wanted.set()

    def detached(self, problem: str | None = None) -> None:
        """Nothing arrives any more, until it is attached again."""
        self._show(self._continuity.parted(), problem=problem)

    def received(self, message: Any) -> None:
        """A message arrived: record it before anything else. Never raises."""
        try:
            at = self._recorder.live(message, rewound_before=self._rewound_before())
        except Exception as error:
            # Whatever it is: the SDK would swallow it, and the message would be forgotten.
            self._spoil(f"a message could not be recorded: {error}")
            return
        if self._rewound is not None:
            self._rewound.append(at)
        latest = self.status.last_message_at
        self._show(last_message_at=at if latest is None else max(at, latest))

    def dropped(self) -> None:
        """The SDK dropped something, perhaps a message of this channel: look at once."""
        self._show(self._continuity.bereft())
        self._wanted.set()

    async def confirm(self, at: datetime) -> None:
        """The connection answered a ping that was sent at this time."""
        if self._continuity.unbroken and not self.status.dirty:
            try:
                await self._advance(at)
            except Exception as error:
                # The store cannot write now; the connection is as good as before.
                _log.warning("continuity_not_recorded", channel=self.channel, error=str(error))

    # Catching up

    async def run(self, sources: Sources) -> None:
        """Look for what was missed: when continuity was lost, and from time to time.

        It ends when it is cancelled, or at the latest when it is run anew from other sources.
        """
        self._sources = sources
        self._show(self._continuity.parted().unproven(), history_permitted=None)
        pause, failures = 0.0, 0
        while self._sources is sources:
            await self._wait(pause)
            begun = self._continuity
            try:
                await self._look(sources)
                if self._continuity.unrecorded != begun.unrecorded:
                    raise RuntimeError("a message could not be recorded meanwhile")
            except Exception as error:
                # Nothing may end the look-out; the store, REST and the SDK fail in many ways.
                failures += 1
                pause = 0.0
                self._show(problem=f"cannot catch up: {error}")
                _log.warning("cannot_catch_up", channel=self.channel, error=str(error))
                await asyncio.sleep(self._patience.retry(failures))
            else:
                failures = 0
                # The second look finds what history did not show yet at the first.
                patience = self._patience
                pause = patience.sweep_every if begun.caught_up else patience.indexing
                self._show(self._continuity.found(begun), problem=None)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        except TimeoutError:
            pass
        self._wanted.clear()

    async def _look(self, sources: Sources) -> None:
        begun = self._continuity
        now = await sources.server_now()
        await self._read_record(now)
        assert self._record is not None
        if self._continuity.unrecorded and not self._record.dirty:
            await self._mark_dirty(True)
        if self.status.history_permitted is not False:
            try:
                await self._read_history(sources.history, self._record, now)
                self._show(self._continuity.answered(begun))
            except HistoryForbidden:
                await self._forbid_history(self._record)
        if self.status.history_permitted is False:
            if self._continuity.attached and not self._continuity.whole:
                await self._rewind(sources.rewind, self._record, now)
            if self._continuity.dropped:
                await self._tell_of_dropped(sources)
        if self._record.dirty:
            await self._mark_dirty(False)

    async def _read_record(self, now: datetime) -> None:
        """Begin from what the store says: a spare process may have been more fortunate."""
        feeds = self._store.feeds
        record = await self._store.call(feeds.get, self.channel)
        if record is None or record.first_started_at is None:
            record = await self._store.call(feeds.start, self.channel, now)
        self._show(record=record)

    async def _read_history(self, history: History, record: FeedRecord, now: datetime) -> None:
        first_start, known = _begun(record)
        start = known - timedelta(seconds=self._patience.overlap)
        times: list[datetime] = []
        async for rows in history.rows(self.channel, start):
            times.extend(await self._recorder.page(rows, first_start))
        if self.status.history_permitted is None:
            await self._store.call(self._store.feeds.permit_history, self.channel, True)
            self._show(history_permitted=True)
        retention = max(self._retention, record.observed_retention or timedelta(0))
        if times and now - min(times) > retention:
            retention = now - min(times)
            await self._store.call(self._store.feeds.observe_retention, self.channel, retention)
            self._note(observed_retention=retention)
        await self._close_gap(known, now - retention, "history does not surely reach back so far")
        await self._advance(now - timedelta(seconds=self._patience.indexing))

    async def _forbid_history(self, record: FeedRecord) -> None:
        self._show(self._continuity.unproven(), history_permitted=False)
        if record.history_permitted is not False:
            await self._store.call(self._store.feeds.permit_history, self.channel, False)
            self._alert(
                AlertKind.HISTORY_FORBIDDEN,
                f"the key may not read the history of {self.channel}: after a longer "
                "interruption, or when one cannot be decoded, messages are lost. Ask the publisher "
                "for a key with the capability `history`",
            )

    async def _rewind(self, rewind: Rewind, record: FeedRecord, now: datetime) -> None:
        _, known = _begun(record)
        times = self._rewound = []
        try:
            await rewind(self._retention)
        finally:
            self._rewound = None
        provable = now - self._retention
        if len(times) >= REWIND_LIMIT:
            provable = max(provable, min(times))
        reason = f"rewind reaches back {self._retention} and {REWIND_LIMIT} messages"
        await self._close_gap(known, provable, reason)
        if not self._continuity.dropped:
            await self._advance(now)

    async def _tell_of_dropped(self, sources: Sources) -> None:
        """What the SDK dropped may have been a message, and cannot be read again."""
        begun = self._continuity
        assert self._record is not None
        _, known = _begun(self._record)
        reason = "something could not be decoded, and the key may not read the history"
        # A clock that was set back must not hide it.
        until = max(await sources.server_now(), known + timedelta(milliseconds=1))
        await self._close_gap(known, until, reason)
        self._show(self._continuity.answered(begun))

    async def _close_gap(self, known: datetime, provable: datetime, reason: str) -> None:
        """Record and tell that what came between `known` and `provable` may be lost for good."""
        if known >= provable:
            return
        record_gap = self._store.feeds.record_gap
        gap = await self._store.call(record_gap, self.channel, known, provable, reason)
        await self._advance(provable)
        if gap is None:
            return
        self._show(gaps=self.status.gaps + 1)
        self._alert(
            AlertKind.GAP,
            f"messages on {self.channel} between {gap.begins_at:%Y-%m-%d %H:%M:%S} and "
            f"{gap.ends_at:%Y-%m-%d %H:%M:%S} UTC may be lost: {reason}. Compare the accounts that "
            "follow it with their targets (print-rebalance), then acknowledge it. Until then, what "
            "is lost right after it in the same way is added to it and not told again: see "
            "/feeds/gaps",
        )

    # State

    def _rewound_before(self) -> datetime | None:
        """While a rewind brings messages back: those that are older are no orders."""
        if self._rewound is None or self._record is None:
            return None
        return self._record.first_started_at

    def _spoil(self, problem: str) -> None:
        if not self.status.dirty:
            self._alert(
                AlertKind.NOT_RECORDED,
                f"on {self.channel} {problem}. It is read again from history until that succeeds",
            )
        self._show(self._continuity.spoiled(), problem=problem)
        self._wanted.set()

    async def _mark_dirty(self, dirty: bool) -> None:
        await self._store.call(self._store.feeds.mark_dirty, self.channel, dirty)
        self._note(dirty=dirty)

    async def _advance(self, until: datetime) -> None:
        """Everything up to `until` is recorded; it never goes back."""
        record = self._record
        if record is None or record.continuous_until is None or until <= record.continuous_until:
            return
        last = self.status.last_message_at
        await self._store.call(self._store.feeds.advance, self.channel, until, last_message_at=last)
        self._note(continuous_until=until)

    def _note(self, **changes: Any) -> None:
        """The store has these values now."""
        assert self._record is not None
        self._show(record=replace(self._record, **changes))

    def _show(
        self,
        continuity: Continuity | None = None,
        record: FeedRecord | None = None,
        **changes: Any,
    ) -> None:
        """Go on with these values; other threads read the status, so it is replaced as a whole."""
        self._continuity = known = continuity or self._continuity
        self._record = record = record or self._record
        self.status = replace(
            self.status,
            attached=known.attached,
            caught_up=known.caught_up,
            dirty=known.unrecorded > 0 or (record is not None and record.dirty),
            continuous_until=record.continuous_until if record else None,
            **changes,
        )
        self._changed()


def _begun(record: FeedRecord) -> tuple[datetime, datetime]:
    """First start, and up to when all is known; a record that was started has both."""
    assert record.first_started_at is not None
    return record.first_started_at, record.continuous_until or record.first_started_at
