"""How many messages a client sends in a second, and how often a login asks for bars.

Instants come in, one per message; counts, or whether it was too often, go out. What to do about too
many is the caller's decision.

Source: 50 messages per second, all kinds together (interactivebrokers.github.io/tws-api/
order_limitations.html); a gateway that rejects disconnects at the third violation. For bars,
"Pacing Violations for Small Bars" (interactivebrokers.github.io/tws-api/
historical_limitations.html).
"""

from collections import deque
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta

from simulated_exchange import Clock

#: messages that a client may send in one second
MESSAGES_PER_SECOND = 50
#: violations that end a connection
VIOLATIONS_ALLOWED = 3


#: bars of this size and below are small ones, for which the pace counts
SMALL_BARS = timedelta(seconds=30)
_ALL = (60, timedelta(minutes=10))
_OF_ONE_INSTRUMENT = (5, timedelta(seconds=2))
_ALIKE = (1, timedelta(seconds=15))


class Pace:
    """A sliding window of one second over one client's messages."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._times: deque[float] = deque()
        #: the most messages there ever were in one second
        self.busiest = 0
        self.total = 0

    def count(self) -> int:
        """Count one message; returns how many came within the last second, this one included."""
        now = self._clock()
        times = self._times
        times.append(now)
        while times[0] <= now - 1.0:
            times.popleft()
        self.total += 1
        self.busiest = max(self.busiest, len(times))
        return len(times)


class HistoryPace:
    """How often one login has asked for small bars of late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: when, of which instrument, and what exactly; nothing older than the longest span
        self._asked: deque[tuple[datetime, int, Hashable]] = deque()

    def admits(self, con_id: int, question: Hashable) -> bool:
        """Whether bars may be asked for now, which is then counted."""
        now = self._clock.now()
        while self._asked and self._asked[0][0] <= now - _ALL[1]:
            self._asked.popleft()
        ages = [(now - at, con_id == of, question == what) for at, of, what in self._asked]
        too_many = (
            _reached(_ALL, [age for age, _, _ in ages])
            or _reached(_OF_ONE_INSTRUMENT, [age for age, same, _ in ages if same])
            or _reached(_ALIKE, [age for age, _, alike in ages if alike])
        )
        if not too_many:
            self._asked.append((now, con_id, question))
        return not too_many


def _reached(allowed: tuple[int, timedelta], ages: list[timedelta]) -> bool:
    count, span = allowed
    return sum(age < span for age in ages) >= count
