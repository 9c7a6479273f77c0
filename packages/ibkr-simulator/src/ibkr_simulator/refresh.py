"""What is told again from time to time because prices have moved.

A note that something has moved comes in, however often; one call goes out, so many seconds later.
Nothing happens, and no timer runs, while nothing moves.

Source: account values are repeated every three minutes (TWS API, "Account Updates"), profit and
loss about every second ("P&L").
"""

from collections.abc import Callable

from simulated_exchange import Clock

#: seconds from a change of prices until accounts tell of it
ACCOUNTS_AFTER = 180.0
#: the same for profit and loss
RESULTS_AFTER = 1.0


class Refresh:
    """One call for all notes of a stretch of time."""

    def __init__(self, clock: Clock, seconds: float, call: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._call = call
        self._planned = False

    def note(self) -> None:
        """Something has moved."""
        if not self._planned:
            self._planned = True
            self._clock.call_later(self._seconds, self._run)

    def _run(self) -> None:
        self._planned = False
        self._call()
