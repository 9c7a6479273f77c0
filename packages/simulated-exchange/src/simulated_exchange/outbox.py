"""Events on their way to subscribers.

Comes in: events, in the order they happened. Goes out: one call per subscriber and event. Never: a
delivery in the middle of an operation; the books are complete when the first event arrives.
"""

from collections import deque
from collections.abc import Callable

from .events import Event

Subscriber = Callable[[Event], None]


class Outbox:
    """Collects while the exchange works, delivers when it is done."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._subscribers: list[Subscriber] = []
        self._delivering = False

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    def put(self, event: Event) -> None:
        if self._subscribers:
            self._events.append(event)

    def deliver(self) -> None:
        """Hand out everything collected. A subscriber may use the exchange: what that causes is
        delivered after the event it is looking at."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._events:
                event = self._events.popleft()
                for subscriber in tuple(self._subscribers):
                    subscriber(event)
        finally:
            self._delivering = False
