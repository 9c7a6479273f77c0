"""Telling people without ever making a run wait, or fail.

Notifications come in from any thread and are put into a bounded queue; one thread of its own hands
them out, each attempt under a deadline, a few of them with growing pauses. What cannot be delivered
is logged and counted, never raised.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import structlog

from app.settings.service_sections import NotificationsConfig
from app.store.records import LetterOutcome

from .delivery import Deliver, NotDelivered, deliver
from .line import Line
from .notification import ACTION_REQUIRED, Kind, Notification, Urgency, urgency

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How hard to try; seconds."""

    #: Pauses between attempts: a hiccup, a restart of a server, a provider's short outage.
    pauses: Sequence[float] = (5, 30, 120)
    #: Of one attempt. Apprise itself waits 4 s for a connection and 4 s for each part of an answer.
    attempt: float = 30
    #: How many may wait: some days of a busy service whose provider is down.
    capacity: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of notifications since the start, counted per address."""

    delivered: int
    failed: int
    #: Thrown away because the queue was full; counted per notification.
    dropped: int
    #: In the queue now.
    waiting: int
    #: Addresses that did not take the latest notification.
    unreached: int


class _Try(Enum):
    """How one attempt at one address ended."""

    TAKEN = "taken"
    AGAIN = "again"
    NEVER = "never"


Report = Callable[[str, LetterOutcome], None]
"""Returns at once and never raises."""


class Notifier:
    """Sends notifications to every address; safe from any thread."""

    def __init__(
        self,
        addresses: Sequence[str],
        config: Callable[[], NotificationsConfig],
        *,
        patience: Patience | None = None,
        deliver: Deliver = deliver,
    ) -> None:
        self._lines = [Line(address, deliver) for address in addresses]
        self._config = config
        self._patience = patience or Patience()
        self._queue: deque[tuple[Notification, Urgency]] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._delivered = self._failed = self._dropped = 0
        self._report: Report = lambda key, outcome: None

    def report_to(self, report: Report) -> None:
        """Call it with the end of every notification that has a key, from any thread."""
        self._report = report

    @property
    def has_addresses(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._lines)

    def delivers(self, kind: Kind) -> bool:
        """Whether such a notification goes anywhere."""
        return self.has_addresses and urgency(kind, self._config()) is not None

    def send(self, notification: Notification) -> None:
        """Have it sent; returns at once and never raises."""
        volume = urgency(notification.kind, self._config())
        if volume is None:
            self._settle(notification, LetterOutcome.GIVEN_UP)
            return
        _log.info("notification", kind=notification.kind, title=notification.title)
        if not self._lines:
            self._settle(notification, LetterOutcome.GIVEN_UP)
            return
        with self._changed:
            if self._closing.is_set():
                # One with a letter is left to whoever finds that.
                self._drop(notification)
                return
            while len(self._queue) >= self._patience.capacity:
                self._drop_least_important()
            self._queue.append((notification, volume))
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
                self._thread.start()

    def tally(self) -> Tally:
        """The counts so far."""
        with self._changed:
            return Tally(
                delivered=self._delivered,
                failed=self._failed,
                dropped=self._dropped,
                waiting=len(self._queue),
                unreached=sum(line.is_down for line in self._lines),
            )

    def close(self, timeout: float) -> None:
        """Send what waits, each at most once more, for at most `timeout` seconds."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _drop_least_important(self) -> None:
        ordinary = (entry for entry in self._queue if entry[0].kind not in ACTION_REQUIRED)
        victim = next(ordinary, self._queue[0])
        self._queue.remove(victim)
        self._drop(victim[0])
        self._settle(victim[0], LetterOutcome.GIVEN_UP)

    def _drop(self, notification: Notification) -> None:
        self._dropped += 1
        _log.warning("notification.dropped", kind=notification.kind, title=notification.title)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing.is_set())
                if not self._queue:
                    return
                notification, volume = self._queue.popleft()
            self._send_to_all(notification, volume)

    def _send_to_all(self, notification: Notification, volume: Urgency) -> None:
        missing, taken = list(self._lines), 0
        for pause in (*self._patience.pauses, None):
            tries = {line: self._try(line, notification, volume) for line in missing}
            taken += sum(end is _Try.TAKEN for end in tries.values())
            missing = [line for line, end in tries.items() if end is _Try.AGAIN]
            if not missing or pause is None or self._closing.is_set():
                break
            self._closing.wait(pause)
        for line in missing:
            line.is_down = True
        self._count(failed=len(missing))
        if taken == len(self._lines):
            self._settle(notification, LetterOutcome.DELIVERED)
        elif taken or not missing or not self._closing.is_set():
            self._settle(notification, LetterOutcome.GIVEN_UP)
        # Else nobody has it, and whoever finds its letter has more patience than we had time.

    def _settle(self, notification: Notification, outcome: LetterOutcome) -> None:
        if notification.key is not None:
            self._report(notification.key, outcome)

    def _try(self, line: Line, notification: Notification, volume: Urgency) -> _Try:
        """Make one attempt."""
        try:
            line.attempt(notification, volume, seconds=self._patience.attempt)
        except NotDelivered as error:
            _log.warning(
                "notification.not_delivered",
                service=line.service,
                title=notification.title,
                error=str(error),
            )
            line.is_down |= error.permanent
            self._count(failed=int(error.permanent))
            return _Try.NEVER if error.permanent else _Try.AGAIN
        line.is_down = False
        self._count(delivered=1)
        return _Try.TAKEN

    def _count(self, *, delivered: int = 0, failed: int = 0) -> None:
        with self._changed:
            self._delivered += delivered
            self._failed += failed
