"""The way to one address: its own queue, its own thread, one attempt at a time.

Errands come in from any thread; how each of them ended goes out. What needs a person goes before
everything else, also before an attempt of something else that is waited for; apart from that the
order is kept. An attempt runs in a thread of its own under a deadline, so that a server which never
answers holds up nothing but that thread. It is not joined by a second one while it lives.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from .addresses import at_volume, service_of
from .delivery import Deliver, NotDelivered
from .errand import End, Errand
from .notification import ACTION_REQUIRED, Notification, Urgency

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How hard to try; seconds."""

    #: Pauses between attempts: a hiccup, a restart of a server, a provider's short outage.
    pauses: Sequence[float] = (5, 30, 120)
    #: Of one attempt. Apprise itself waits 4 s for a connection and 4 s for each part of an answer.
    attempt: float = 30
    #: How many may wait for one address: some days of a busy service whose provider is down.
    capacity: int = 1000


@dataclass(slots=True)
class _Waiting:
    errand: Errand
    attempts: int = 0
    #: Monotonic time before which it is not tried again.
    due: float = 0.0


class Line:
    """Takes errands to one address; safe from any thread."""

    def __init__(
        self,
        address: str,
        deliver: Deliver,
        patience: Patience,
        ended: Callable[[Errand, End], None],
    ) -> None:
        """`ended` is called once for every errand, on any thread."""
        self._address = address
        self._deliver = deliver
        self._patience = patience
        self._ended = ended
        self._urgent: deque[_Waiting] = deque()
        self._ordinary: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._latest: threading.Thread | None = None
        #: Whether the latest notification was given up.
        self.is_down = False

    @property
    def waiting(self) -> int:
        """Errands in the queue."""
        return len(self._urgent) + len(self._ordinary)

    def take(self, errand: Errand) -> None:
        """Have it done; returns at once. When too many wait, the least important is dropped."""
        dropped: list[_Waiting] = []
        with self._changed:
            is_late = self._closing
            if not is_late:
                while self.waiting >= self._patience.capacity:
                    dropped.append((self._ordinary or self._urgent).popleft())
                self._queue_of(errand).append(_Waiting(errand))
                self._changed.notify()
                self._start()
        for waiting in dropped:
            self._ended(waiting.errand, End.DROPPED)
        if is_late:
            self._ended(errand, End.CUT_SHORT)

    def finish(self) -> None:
        """Try what waits at most once more, and take nothing else; returns at once."""
        with self._changed:
            if self.waiting and not self._closing:
                self._start()
            self._closing = True
            self._changed.notify()

    def join(self, seconds: float) -> None:
        """Wait for the end, but not longer than this."""
        if self._thread is not None:
            self._thread.join(max(0.0, seconds))

    def _start(self) -> None:
        """Begin to work. Without a thread left on this machine: when the next errand comes."""
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="notifications", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            service = service_of(self._address)
            _log.warning("notification.not_begun", service=service, error=str(error))
            return
        self._thread = thread

    def _queue_of(self, errand: Errand) -> deque[_Waiting]:
        urgent = errand.notification.kind in ACTION_REQUIRED
        return self._urgent if urgent else self._ordinary

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            end = self._try(waiting)
            if end is not None:
                self._ended(waiting.errand, end)
                continue
            with self._changed:
                self._queue_of(waiting.errand).appendleft(waiting)

    def _next(self) -> _Waiting | None:
        """What is to be tried now; None at the end."""
        with self._changed:
            while True:
                queue = self._urgent or self._ordinary
                pause = queue[0].due - monotonic() if queue else None
                if self._closing or (pause is not None and pause <= 0):
                    return queue.popleft() if queue else None
                self._changed.wait(pause)

    def _try(self, waiting: _Waiting) -> End | None:
        """Make one attempt; None when there is to be another."""
        notification = waiting.errand.notification
        try:
            self._attempt(notification, waiting.errand.volume)
        except NotDelivered as error:
            _log.warning(
                "notification.not_delivered",
                service=service_of(self._address),
                title=notification.title,
                error=str(error),
            )
            return self._failed(waiting, permanent=error.permanent)
        self.is_down = False
        return End.TAKEN

    def _failed(self, waiting: _Waiting, *, permanent: bool) -> End | None:
        pauses = self._patience.pauses
        if not permanent and not self._closing and waiting.attempts < len(pauses):
            waiting.due = monotonic() + pauses[waiting.attempts]
            waiting.attempts += 1
            return None
        self.is_down = True
        return End.CUT_SHORT if self._closing and not permanent else End.GIVEN_UP

    def _attempt(self, notification: Notification, urgency: Urgency) -> None:
        """Deliver in time; raises `NotDelivered`."""
        end = monotonic() + self._patience.attempt
        errors: list[Exception] = []

        def deliver() -> None:
            try:
                self._deliver(at_volume(self._address, urgency), notification)
            except Exception as error:
                errors.append(error)

        self._join_latest(end - monotonic())
        thread = threading.Thread(target=deliver, name="notification", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # None is left on this machine for the moment.
            raise NotDelivered(str(error)) from error
        self._latest = thread
        self._join_latest(end - monotonic())
        if errors:
            raise _as_not_delivered(errors[0]) from errors[0]

    def _join_latest(self, seconds: float) -> None:
        if self._latest is None:
            return
        self._latest.join(max(0.0, seconds))
        if self._latest.is_alive():
            raise NotDelivered("no answer in time")


def _as_not_delivered(error: Exception) -> NotDelivered:
    # The words of any other error may contain the address.
    return error if isinstance(error, NotDelivered) else NotDelivered(type(error).__name__)
