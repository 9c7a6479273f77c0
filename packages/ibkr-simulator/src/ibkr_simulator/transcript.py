"""A record of every frame between clients and a gateway, a line of JSON each.

Frames come in as they are read or written; lines go out, and can be read back:
`{"at": "2026-11-20T17:00:00+00:00", "connection": 1, "direction": "request", "name": "reqIds",
"fields": ["8", "1", "1"]}`. A payload that is not fields has its `bytes` as hexadecimal digits
instead. Nothing is left out and nothing is hidden: account numbers stay as they are.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from .codec import reply_name, request_name
from .faults.rules import Direction
from .frames import MalformedPayload, join_fields, split_fields

#: the name of the first frame in each direction, which has no number
HELLO = "hello"


class BadTranscript(ValueError):
    """A file that is no transcript."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One frame: `connection` counts from 1, `name` is "" for a message of no table."""

    at: datetime
    connection: int
    direction: Direction
    name: str
    payload: bytes

    def to_line(self) -> str:
        content: dict[str, object] = {
            "at": self.at.isoformat(),
            "connection": self.connection,
            "direction": self.direction.value,
            "name": self.name,
        }
        try:
            content["fields"] = split_fields(self.payload)
        except MalformedPayload:
            content["bytes"] = self.payload.hex()
        return json.dumps(content)


class Recorder:
    """Writes frames to a file, each line as it happens."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def note(
        self, at: datetime, connection: int, direction: Direction, payload: bytes, *, hello: bool
    ) -> None:
        """Record one frame's payload; `hello` for the first of each direction."""
        name = HELLO if hello else _name(direction, payload)
        entry = Entry(at=at, connection=connection, direction=direction, name=name, payload=payload)
        self._file.write(entry.to_line() + "\n")
        self._file.flush()


def read_transcript(path: Path) -> list[Entry]:
    """Every frame of a file. Raises `BadTranscript` that names the line, `OSError`."""
    return list(_entries(path, path.read_text(encoding="utf-8").splitlines()))


def _entries(path: Path, lines: Iterable[str]) -> Iterable[Entry]:
    for number, line in enumerate(lines, 1):
        try:
            content = json.loads(line)
            fields = content.get("fields")
            yield Entry(
                at=datetime.fromisoformat(content["at"]),
                connection=int(content["connection"]),
                direction=Direction(content["direction"]),
                name=str(content["name"]),
                payload=(
                    bytes.fromhex(content["bytes"]) if fields is None else join_fields(fields)
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadTranscript(f"{path}, line {number}: {error!r}") from error


def _name(direction: Direction, payload: bytes) -> str:
    return (request_name if direction is Direction.REQUEST else reply_name)(payload)
