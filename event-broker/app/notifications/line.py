"""The way to one address: one attempt at a time, each under a deadline.

An attempt runs in a thread of its own, so that a server which never answers holds up nothing but
that thread. It is not joined by a second one while it lives.
"""

from __future__ import annotations

import threading
from time import monotonic

from .addresses import at_volume, service_of
from .delivery import Deliver, NotDelivered
from .notification import Notification, Urgency


class Line:
    """Used by one thread."""

    def __init__(self, address: str, deliver: Deliver) -> None:
        self._address = address
        self._deliver = deliver
        self._latest: threading.Thread | None = None
        #: Whether the latest notification was given up.
        self.is_down = False

    @property
    def service(self) -> str:
        """The kind of service, which may be logged."""
        return service_of(self._address)

    def attempt(self, notification: Notification, urgency: Urgency, *, seconds: float) -> None:
        """Deliver within `seconds`; raises `NotDelivered`."""
        end = monotonic() + seconds
        errors: list[Exception] = []

        def deliver() -> None:
            try:
                self._deliver(at_volume(self._address, urgency), notification)
            except Exception as error:
                errors.append(error)

        self._join_latest(seconds)
        self._latest = threading.Thread(target=deliver, name="notification", daemon=True)
        self._latest.start()
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
