"""The frames between clients and gateway: counted, so that faults find their moment, and kept.

Comes in: every frame, as the gateway's recorder gets it. Goes out: a call when a fault is due, and
the last frames for whoever has to understand a case.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from io import StringIO
from typing import NamedTuple

from ibkr_simulator.codec import reply_name, request_name
from ibkr_simulator.faults import Direction
from ibkr_simulator.transcript import HELLO, Recorder

from .case import Anchor, Fault

#: Frames that come by the dozen and are no step of a run.
_NO_STEPS = frozenset({"accountUpdateMulti", "tickPrice", "tickSize", "tickString", "tickGeneric"})
#: The frame that each count begins with; "" for any.
_STARTS = {Anchor.FRAME: "", Anchor.ORDER: "placeOrder", Anchor.FILL: "execDetails"}
_KEPT = 400


class _Frame(NamedTuple):
    at: datetime
    connection: int
    name: str
    payload: bytes


class Frames(Recorder):
    """A recorder that writes nothing."""

    def __init__(self, strike: Callable[[Fault], None]) -> None:
        """`strike` is called with each fault when its moment has come."""
        super().__init__(StringIO())
        self._strike = strike
        self._waiting: list[Fault] = []
        self._counts: Counter[Anchor] = Counter()
        self._kept: deque[_Frame] = deque(maxlen=_KEPT)

    def expect(self, faults: Sequence[Fault]) -> None:
        """A run begins that these faults belong to; their steps are counted from here."""
        self._counts.clear()
        self._waiting = list(faults)

    def note(
        self, at: datetime, connection: int, direction: Direction, payload: bytes, *, hello: bool
    ) -> None:
        """A frame comes by; a request has not been handled yet."""
        name_of = request_name if direction is Direction.REQUEST else reply_name
        name = HELLO if hello else name_of(payload)
        if name in _NO_STEPS:
            return
        self._kept.append(_Frame(at, connection, name, payload))
        for anchor, start in _STARTS.items():
            if self._counts[anchor] or start in ("", name):
                self._counts[anchor] += 1
        due = [fault for fault in self._waiting if self._counts[fault.at.anchor] > fault.at.step]
        # What strikes may send frames itself, which are steps as well.
        self._waiting = [fault for fault in self._waiting if fault not in due]
        for fault in due:
            self._strike(fault)

    def lines(self) -> Iterator[str]:
        """The last frames, as text."""
        for frame in self._kept:
            text = frame.payload.decode("utf-8", "replace").replace("\0", "|")
            yield f"{frame.at:%H:%M:%S.%f} #{frame.connection} {frame.name} {text[:160]}"
