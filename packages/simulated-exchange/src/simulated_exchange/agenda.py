"""What the exchange will do later, as data that can be saved.

Comes in: an instant, an action's name and its arguments. Goes out: a call of the dispatcher at that
instant. Never: a closure, so that a restored exchange has the same future as the saved one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .clock import Clock, TimerHandle


@dataclass(frozen=True, slots=True)
class Entry:
    due: datetime
    action: str
    arguments: tuple[Any, ...]


class Agenda:
    """Entries by number; entries due at the same instant run in the order they were made."""

    def __init__(self, clock: Clock, dispatch: Callable[[Entry], None]) -> None:
        self._clock = clock
        self._dispatch = dispatch
        self._timers: dict[int, TimerHandle] = {}
        self.entries: dict[int, Entry] = {}
        self.count = 0

    def at(self, due: datetime, action: str, *arguments: Any) -> int:
        self.count += 1
        self.put(self.count, Entry(due, action, arguments))
        return self.count

    def put(self, number: int, entry: Entry) -> None:
        delay = (entry.due - self._clock.now()).total_seconds()
        self.entries[number] = entry
        self._timers[number] = self._clock.call_later(delay, lambda: self._run(number))

    def cancel(self, number: int) -> None:
        if timer := self._timers.pop(number, None):
            timer.cancel()
            del self.entries[number]

    def _run(self, number: int) -> None:
        del self._timers[number]
        self._dispatch(self.entries.pop(number))
