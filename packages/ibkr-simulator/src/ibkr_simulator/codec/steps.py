"""The steps of a table: what is read and written one after the other.

Texts and a position go in, values come out, and the other way round. Each kind of step has its
`read` and its `write` side by side so that one cannot drift from the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .errors import BadValue, Fault, MissingFields
from .kinds import INT, Kind
from .spec import Field, Test

#: No message has groups in such numbers; bounds what a hostile count can cost.
_MAX_COUNT = 100_000


class Step(Protocol):
    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        """Put what starts at `position` into `values`; return the position after it."""

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        """Append the texts for `values`."""


class Run:
    """Neighbouring plain fields."""

    def __init__(self, members: Sequence[Field]) -> None:
        self.readers = tuple((field.name, field.kind.read) for field in members)
        self.writers = tuple((field.name, field.kind.write) for field in members)

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        readers = self.readers
        end = position + len(readers)
        here = texts[position:end]
        name = ""
        try:
            # What is read before a mistake is where its session finds the id to answer to.
            for (name, read), text in zip(readers, here, strict=False):
                values[name] = read(text)
        except ValueError as error:
            at = position + [reader[0] for reader in readers].index(name)
            raise Fault(BadValue, str(error), name, at) from error
        if len(here) < len(readers):
            raise _missing(readers[len(here)][0], texts)
        return end

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        name = ""
        try:
            for name, write in self.writers:
                texts.append(write(values[name]))
        except (ValueError, TypeError, KeyError) as error:
            raise Fault(BadValue, f"cannot write it: {error}", name) from error


@dataclass(frozen=True, slots=True)
class Conditional:
    test: Test
    steps: tuple[Step, ...]

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        return read_steps(self.steps, texts, position, values) if self.test(values) else position

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        if self.test(values):
            write_steps(self.steps, values, texts)


@dataclass(frozen=True, slots=True)
class Repeated:
    name: str
    group: Step

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        count, position = _read_count(self.name, texts, position)
        groups = []
        for _ in range(count):
            group: dict[str, Any] = {}
            position = self.group.read(texts, position, group)
            groups.append(group)
        values[self.name] = tuple(groups)
        return position

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        groups = values[self.name]
        texts.append(str(len(groups)))
        for group in groups:
            self.group.write(group, texts)


@dataclass(frozen=True, slots=True)
class Listed:
    name: str
    kind: Kind

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        count, position = _read_count(self.name, texts, position)
        if len(texts) < position + count:
            raise _missing(self.name, texts)
        here = texts[position : position + count]
        try:
            values[self.name] = tuple(map(self.kind.read, here))
        except ValueError as error:
            raise Fault(BadValue, str(error), self.name, position) from error
        return position + count

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        listed = values[self.name]
        texts.append(str(len(listed)))
        try:
            texts += map(self.kind.write, listed)
        except ValueError as error:
            raise Fault(BadValue, f"cannot write it: {error}", self.name) from error


@dataclass(frozen=True, slots=True)
class Flagged:
    name: str
    group: Step

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        present, position = _read_count(self.name, texts, position, largest=1)
        if present:
            group: dict[str, Any] = {}
            values[self.name] = group
            position = self.group.read(texts, position, group)
        return position

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        group = values[self.name]
        texts.append("0" if group is None else "1")
        if group is not None:
            self.group.write(group, texts)


def read_steps(
    steps: tuple[Step, ...], texts: Sequence[str], position: int, values: dict[str, Any]
) -> int:
    for step in steps:
        position = step.read(texts, position, values)
    return position


def write_steps(steps: tuple[Step, ...], values: Mapping[str, Any], texts: list[str]) -> None:
    for step in steps:
        step.write(values, texts)


def _read_count(
    name: str, texts: Sequence[str], position: int, largest: int = _MAX_COUNT
) -> tuple[int, int]:
    if position >= len(texts):
        raise _missing(name, texts)
    try:
        count = INT.read(texts[position])
    except ValueError as error:
        raise Fault(BadValue, str(error), name, position) from error
    if not 0 <= count <= largest:
        raise Fault(BadValue, f"{count} is not a count", name, position)
    return count, position + 1


def _missing(name: str, texts: Sequence[str]) -> Fault:
    reason = f"the message ends after {len(texts)} fields"
    return Fault(MissingFields, reason, name, len(texts))
