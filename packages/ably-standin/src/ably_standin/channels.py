"""One channel: what was published on it, from where a client can go on, and its history.

Messages come in, protocol messages and history items go out. No sockets, and no clock but the
times that are passed in.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .codec import Wire
from .protocol import (
    BAD_REQUEST,
    IDEMPOTENCY_WINDOW,
    REWIND_LIMIT,
    Action,
    ErrorInfo,
    Refused,
)

#: The latest frames that a channel remembers, so that a demo can run for weeks.
_KEPT = 10_000
_QUALIFIED = re.compile(r"\[(?P<name>[^\]?]*)(?:\?(?P<params>[^\]]*))?\](?P<channel>.+)", re.DOTALL)
_REWIND_TIME = re.compile(r"(?P<amount>\d+)(?P<unit>[sm])")
_UNITS = {"s": 1_000, "m": 60_000}


def split_qualifier(literal: str) -> tuple[str, dict[str, str]]:
    """The bare name and the parameters of a channel called `[?rewind=1]name`, or just `name`."""
    match = _QUALIFIED.fullmatch(literal)
    if match is None:
        return literal, {}
    pairs = (pair.partition("=") for pair in (match["params"] or "").split("&") if pair)
    return match["channel"], {key: value for key, _, value in pairs}


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A protocol message that was published: as it is delivered, with its place and its time."""

    serial: str
    at: int
    frame: Wire

    def items(self) -> Iterator[Wire]:
        """Its messages as history shows them: with all that live delivery leaves to the frame."""
        for index, message in enumerate(self.frame["messages"]):
            yield {
                **message,
                "id": message.get("id") or f"{self.frame['id']}:{index}",
                "timestamp": message.get("timestamp") or self.frame["timestamp"],
                "connectionId": self.frame["connectionId"],
                "serial": f"{self.serial}:{index:03d}",
                "action": message.get("action", 0),
            }


class Channel:
    """The stream of one channel, in order of publication."""

    def __init__(self, name: str, serial: str) -> None:
        """`serial` is the position of everybody who attaches before the first message."""
        self.name = name
        self.head = serial
        self._published: deque[Published] = deque(maxlen=_KEPT)

    def publish(
        self, messages: Sequence[Mapping[str, object]], *, frame_id: str, serial: str, at: int,
        connection_id: str,
    ) -> Published:  # fmt: skip
        """Append one protocol message with these messages."""
        frame: Wire = {
            "action": Action.MESSAGE,
            "id": frame_id,
            "channel": self.name,
            "channelSerial": serial,
            "connectionId": connection_id,
            "timestamp": at,
            "messages": [dict(message) for message in messages],
        }
        published = Published(serial=serial, at=at, frame=frame)
        self._published.append(published)
        self.head = serial
        return published

    def repeated(self, message_id: object, now: int) -> Published | None:
        """What was published with this id by its publisher a short while ago."""
        for published in reversed(self._published):
            ids = (message.get("id") for message in published.frame["messages"])
            if message_id in ids and now - published.at <= IDEMPOTENCY_WINDOW:
                return published
        return None

    def after(self, serial: str) -> list[Published]:
        """What a client at `serial` has missed."""
        return [published for published in self._published if published.serial > serial]

    def last(self) -> Published:
        """The latest. Raises `LookupError` when nothing was published."""
        return self._published[-1]

    def items(self, oldest: int) -> list[Wire]:
        """The messages of `oldest` (ms) and later, in order of publication."""
        found = (item for published in self._published for item in published.items())
        return [item for item in found if item["timestamp"] >= oldest]

    def rewound(self, rewind: str, now: int, oldest: int) -> list[Published]:
        """What `rewind` (a number, or a time as `30s` or `2m`) brings back, `REWIND_LIMIT` at most.

        Raises `Refused` for a value that is neither.
        """
        kept = [published for published in self._published if published.at >= oldest]
        if rewind.isdecimal():
            count = int(rewind)
        elif match := _REWIND_TIME.fullmatch(rewind):
            since = now - int(match["amount"]) * _UNITS[match["unit"]]
            kept = [published for published in kept if published.at >= since]
            count = REWIND_LIMIT
        else:
            text = f"invalid rewind: {rewind}"
            raise Refused(ErrorInfo(code=BAD_REQUEST.code, status=BAD_REQUEST.status, message=text))
        return _latest(kept, min(count, REWIND_LIMIT))


def _latest(published: Sequence[Published], messages: int) -> list[Published]:
    """The latest frames with so many messages at most; frames are not torn apart."""
    chosen: list[Published] = []
    for frame in reversed(published):
        messages -= len(frame.frame["messages"])
        if messages < 0:
            break
        chosen.append(frame)
    return chosen[::-1]


def serial_of(at: int, number: int) -> str:
    """A position that sorts as text: the time (ms), then the number of the message."""
    return f"{at:014d}-{number:08d}@standin:000"


def time_of(serial: str) -> int | None:
    """When (ms) a position was given out, or `None` when it is not one of ours."""
    digits = serial.partition("-")[0]
    return int(digits) if len(digits) == 14 and digits.isdecimal() else None
