"""Telling people without ever making a run wait, or fail.

Notifications come in from any thread. Each address has a line of its own, with a bounded queue and
a thread, so that one which is down holds up no other; each attempt is under a deadline, a few of
them with growing pauses. What cannot be delivered is logged and counted, never raised.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from app.settings.service_sections import NotificationsConfig
from app.store.records import LetterOutcome

from .delivery import Deliver, deliver
from .errand import End, Errand, outcome_of
from .line import Line, Patience
from .notification import Kind, Notification, urgency

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of notifications since the start, counted per address."""

    delivered: int
    failed: int
    #: Thrown away because too many waited.
    dropped: int
    #: In the queues now.
    waiting: int
    #: Addresses that did not take the latest notification.
    unreached: int


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
        self._lines = tuple(
            Line(address, deliver, patience or Patience(), self._ended) for address in addresses
        )
        self._config = config
        self._lock = threading.Lock()
        #: Those that have not ended at every address.
        self._under_way: set[Errand] = set()
        self._ends: Counter[End] = Counter()
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
        errand = Errand(notification=notification, volume=volume)
        with self._lock:
            self._under_way.add(errand)
        for line in self._lines:
            line.take(errand)

    def tally(self) -> Tally:
        """The counts so far."""
        with self._lock:
            return Tally(
                delivered=self._ends[End.TAKEN],
                failed=self._ends[End.GIVEN_UP] + self._ends[End.CUT_SHORT],
                dropped=self._ends[End.DROPPED],
                waiting=sum(line.waiting for line in self._lines),
                unreached=sum(line.is_down for line in self._lines),
            )

    def close(self, timeout: float) -> None:
        """Send what waits, each at most once more, for at most `timeout` seconds."""
        deadline = monotonic() + timeout
        for line in self._lines:
            line.finish()
        for line in self._lines:
            line.join(deadline - monotonic())
        with self._lock:
            left, self._under_way = self._under_way, set()
        for errand in left:
            cut_short = [End.CUT_SHORT] * (len(self._lines) - len(errand.ends))
            self._settle(errand.notification, outcome_of([*errand.ends, *cut_short]))

    def _ended(self, errand: Errand, end: End) -> None:
        notification = errand.notification
        if end is End.DROPPED:
            _log.warning("notification.dropped", kind=notification.kind, title=notification.title)
        with self._lock:
            self._ends[end] += 1
            errand.ends.append(end)
            if len(errand.ends) < len(self._lines) or errand not in self._under_way:
                return
            self._under_way.remove(errand)
        self._settle(notification, outcome_of(errand.ends))

    def _settle(self, notification: Notification, outcome: LetterOutcome | None) -> None:
        if notification.key is not None and outcome is not None:
            self._report(notification.key, outcome)
