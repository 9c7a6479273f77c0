"""Wake-ups: somebody changed the store, look whether there is something to do.

A wake-up says what kind of thing was changed and no more, may come for nothing, and may get lost
when a process is killed at the wrong moment; so consumers also look once a second. Callbacks run on
any thread and must not block.
"""

from __future__ import annotations

import errno
import os
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)
Callback = Callable[[], None]


class Topic(StrEnum):
    """What was changed, so that it wakes those alone who have something to do then."""

    #: Messages to be dispatched, and what is known of their channels.
    MESSAGES = "messages"
    #: Events that wait or are over, and whether others may start.
    EVENTS = "events"
    #: What only people look at.
    RECORDS = "records"


ALL_TOPICS = frozenset(Topic)


class WakeUps(ABC):
    """Subscribers of this process, and the way to those of other processes."""

    def __init__(self) -> None:
        self._subscribers: list[tuple[Callback, frozenset[Topic]]] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def subscribe(self, callback: Callback, topics: Collection[Topic] = ALL_TOPICS) -> Callback:
        """Call back after changes by any process; returns what ends the subscription."""
        subscriber = callback, frozenset(topics)
        with self._lock:
            self._subscribers.append(subscriber)
            if self._thread is None:
                self._start()
        return lambda: self._subscribers.remove(subscriber)

    def _start(self) -> None:
        try:
            self._prepare()
        except OSError as error:
            _log.warning("no wake-ups from other processes, only a look every second", error=error)
            return
        self._thread = threading.Thread(target=self._listen, name="store-wake-ups", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No callback is called afterwards."""
        with self._lock:
            self._subscribers.clear()
            thread, self._thread = self._thread, None
        if thread is not None:
            self._stop()
            thread.join()

    def after_commit(self, topic: Topic) -> None:
        """Say it to this process, and then to others."""
        self._wake({topic})

    def _wake(self, topics: Collection[Topic]) -> None:
        for callback, wanted in tuple(self._subscribers):
            if wanted.isdisjoint(topics):
                continue
            try:
                callback()
            except Exception:  # the change is committed: who made it must not hear of a failure
                _log.exception("a wake-up failed")

    @abstractmethod
    def _prepare(self) -> None: ...

    @abstractmethod
    def _listen(self) -> None:
        """Wake when other processes say so, until `_stop`."""

    @abstractmethod
    def _stop(self) -> None: ...


class FifoWakeUps(WakeUps):
    """Every listening process has a FIFO in a directory; who changed something writes to each.

    The kernel wakes the listeners: no polling, no processor time while nothing happens.
    """

    _STOP = b"\1"

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self._path = directory / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._fifo: int | None = None

    def after_commit(self, topic: Topic) -> None:
        super().after_commit(topic)
        with suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name != self._path.name and not entry.name.startswith("."):
                    self._tell(entry.path, topic)

    def _tell(self, path: str, topic: Topic) -> None:
        try:
            fifo = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            # Its reader is gone and did not tidy up. Anything else says nothing of the reader: for
            # want of open files, for instance, nothing can be opened.
            if error.errno == errno.ENXIO:
                with suppress(OSError):
                    os.unlink(path)
            return
        try:
            with suppress(BlockingIOError):  # full: it will wake anyway
                os.write(fifo, _byte(topic))
        finally:
            os.close(fifo)

    def _prepare(self) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        hidden = self._path.with_name(f".{self._path.name}")
        os.mkfifo(hidden, 0o600)
        # Reading and writing, so that it never reports an end; visible only now that it has a
        # reader, or a writer might tidy it up.
        self._fifo = os.open(hidden, os.O_RDWR | os.O_CLOEXEC)
        hidden.rename(self._path)

    def _listen(self) -> None:
        assert self._fifo is not None
        while self._STOP not in (told := os.read(self._fifo, 4096)):
            self._wake({topic for topic in Topic if _byte(topic) in told} or ALL_TOPICS)
        os.close(self._fifo)

    def _stop(self) -> None:
        assert self._fifo is not None
        self._path.unlink(missing_ok=True)
        os.write(self._fifo, self._STOP)


def _byte(topic: Topic) -> bytes:
    return topic.value[:1].encode()
