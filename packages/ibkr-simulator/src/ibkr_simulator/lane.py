"""The messages of one connection in one direction, one behind the other.

Steps come in, each of which lets one message go on; they go out at once, or when whatever holds
the lane up lets go. Nothing is known here of why a message waits.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Step = Callable[[], None]
_NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Waiting:
    """A step that waits until so many messages of a name have gone by."""

    name: str
    count: int
    step: Step


class Lane:
    """First in, first out, unless it is told otherwise."""

    def __init__(self) -> None:
        self._queue: deque[tuple[str, Step]] = deque()
        #: for each hold, the names of the messages that it lets through
        self._holds: list[frozenset[str]] = []
        self._waiting: list[_Waiting] = []
        #: whether every message goes on at once
        self.free = True

    def go(self, name: str, step: Step) -> None:
        """Let the message of this name go on, now or behind those that wait."""
        if self._is_held(name):
            self._queue.append((name, step))
        else:
            step()

    def hold(self, first: Step | None = None, *, except_for: frozenset[str] = _NOTHING) -> Step:
        """Let nothing pass until the function returned is called; `first` is then the first."""
        self._holds.append(except_for)
        if first is not None:
            self._queue.appendleft(("", first))
        self.free = False
        released = False

        def release() -> None:
            nonlocal released
            if not released:
                released = True
                self._holds.remove(except_for)
                self._drain()

        return release

    def wait_for(self, name: str, count: int, step: Step) -> None:
        """Take a step once `count` more messages of this name have gone by."""
        self._waiting.append(_Waiting(name, count, step))
        self.free = False

    def passed(self, name: str) -> None:
        """Note that a message has gone by."""
        for waiting in tuple(self._waiting):
            if waiting.name == name:
                waiting.count -= 1
                if waiting.count <= 0:
                    self._waiting.remove(waiting)
                    waiting.step()
        self._update()

    def discard(self) -> None:
        """Forget every message that waits."""
        self._queue.clear()
        self._waiting.clear()
        self._update()

    def _is_held(self, name: str) -> bool:
        return not all(name in except_for for except_for in self._holds)

    def _drain(self) -> None:
        while self._queue and not self._is_held(self._queue[0][0]):
            self._queue.popleft()[1]()
        self._update()

    def _update(self) -> None:
        self.free = not (self._holds or self._queue or self._waiting)
