"""How many messages a client sends in a second.

Instants come in, one per message; counts go out. What to do about too many is the caller's
decision.

Source: 50 messages per second, all kinds together (interactivebrokers.github.io/tws-api/
order_limitations.html); a gateway that rejects disconnects at the third violation.
"""

from collections import deque
from collections.abc import Callable

#: messages that a client may send in one second
MESSAGES_PER_SECOND = 50
#: violations that end a connection
VIOLATIONS_ALLOWED = 3


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
