"""What the exchange will do later, as data that can be saved.

Comes in: an instant, an action, the order or instrument it is about. Goes out: a call of the
dispatcher at that instant. Never: a closure, so that a restored exchange has the same future as the
saved one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from heapq import heapify, heappop, heappush

from .clock import Clock, TimerHandle
from .orders import Changes


class Action(StrEnum):
    #: a request of a client reaches the floor
    ARRIVE = "arrive"
    CANCEL = "cancel"
    MODIFY = "modify"
    #: the session of an order's instrument begins or ends
    OPEN = "open"
    CLOSE = "close"
    #: the next slice of a fill policy is due
    SLICE = "slice"
    #: a random walk takes a step
    STEP = "step"
    #: the next row of a tape is due
    PLAY = "play"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One thing to do. MODIFY has changes."""

    due: datetime
    action: Action
    #: a con_id for STEP, a tape's number for PLAY, else an order id
    subject: int
    changes: Changes | None = None


@dataclass(slots=True)
class Schedule:
    """Entries by number. Numbers are never used again: a ticket may remember one that has run."""

    entries: dict[int, Entry] = field(default_factory=dict)
    last_number: int = 0


class Agenda:
    """Runs entries when they are due; those due at the same instant in the order of their numbers.

    One timer of the clock serves all entries, so their order does not depend on how the clock
    breaks ties.
    """

    def __init__(self, clock: Clock, schedule: Schedule, dispatch: Callable[[Entry], None]) -> None:
        self._clock = clock
        self._schedule = schedule
        self._entries = schedule.entries
        self._dispatch = dispatch
        self._heap = [(entry.due, number) for number, entry in schedule.entries.items()]
        heapify(self._heap)
        self._timer: TimerHandle | None = None
        self._timer_due: datetime | None = None
        self._arm()

    def add(self, entry: Entry) -> int:
        """Put an entry on the agenda; returns its number, to cancel it by."""
        self._schedule.last_number += 1
        number = self._schedule.last_number
        self._entries[number] = entry
        heappush(self._heap, (entry.due, number))
        self._arm()
        return number

    def cancel(self, number: int) -> None:
        """Take an entry off; harmless when it has run."""
        self._entries.pop(number, None)

    def _arm(self) -> None:
        while self._heap and self._heap[0][1] not in self._entries:
            heappop(self._heap)
        due = self._heap[0][0] if self._heap else None
        if due == self._timer_due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due = None, due
        if due is not None:
            delay = (due - self._clock.now()).total_seconds()
            self._timer = self._clock.call_later(delay, self._run)

    def _run(self) -> None:
        self._timer = self._timer_due = None
        try:
            while self._heap and self._heap[0][0] <= self._clock.now():
                _, number = heappop(self._heap)
                if entry := self._entries.pop(number, None):
                    self._dispatch(entry)
        finally:
            self._arm()
