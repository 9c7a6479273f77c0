"""Tables made ready for one version: the one reader and the one writer.

`compile_table` drops what a version does not have and joins neighbouring fields into runs, once
per table and version; after that reading and writing are plain loops, or less where a message is
like the one before it.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from ibkr_simulator.frames import join_fields

from .errors import Fault, UnknownField
from .shapes import Form, Shape
from .spec import ABSENT, Field, Items, Listing, Maybe, Repeat, Table, When
from .steps import Conditional, Flagged, Listed, Repeated, Run, Step, read_steps, write_steps

#: The server sends each message with few different sets of fields; bounds what others could cost.
_MAX_SHAPES = 64


class Plan:
    """A table, or a group in one, for one version."""

    def __init__(self, steps: tuple[Step, ...], defaults: Mapping[str, Any]) -> None:
        self._steps = steps
        self._defaults = defaults
        #: the fields that were given -> how a message with just these is written
        self._shapes: dict[tuple[str, ...], Shape | None] = {}
        #: the last message that had the shape of its defaults: its texts and what they mean
        self._last_texts: Sequence[str] = ()
        self._last_values: dict[str, Any] = {}

    def read_message(self, texts: Sequence[str]) -> tuple[dict[str, Any], int]:
        """What a whole message says, and how many of its texts that takes.

        Most of it is the same in message after message, so that only what differs from the last one
        has to be read. Raises `Fault`, whose `partial` is what was read before.
        """
        if len(texts) == len(self._last_texts) and (values := self._read_what_differs(texts)):
            return values, len(texts)
        values = {}
        try:
            end = self.read(texts, 1, values)
        except Fault as fault:
            fault.partial = values
            raise
        if end == len(texts) == 1 + self._form.size and self._form.suits(values):
            self._last_texts, self._last_values = texts, values.copy()
        return values, end

    def _read_what_differs(self, texts: Sequence[str]) -> dict[str, Any] | None:
        """None when that decides how many texts there are, or cannot be read."""
        values = self._last_values.copy()
        readers = self._form.readers
        try:
            for at, (text, last) in enumerate(zip(texts, self._last_texts, strict=True)):
                if text != last:
                    name, read = readers[at]
                    values[name] = read(text)
        except (KeyError, ValueError):
            return None
        return values

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        """Fill `values` from `position` on; return the position after it. Raises `Fault`."""
        values.update(self._defaults)
        return read_steps(self._steps, texts, position, values)

    def write(self, given: Mapping[str, Any], texts: list[str]) -> None:
        """Append the texts for the given values, defaults for the rest. Raises `Fault`."""
        values = {**self._defaults, **given}
        if len(values) != len(self._defaults):
            unknown = next(name for name in values if name not in self._defaults)
            raise Fault(UnknownField, "the message has no such field", unknown)
        write_steps(self._steps, values, texts)

    def payload(self, number: str, given: Mapping[str, Any]) -> bytes:
        """The whole message. Raises `Fault`, or `MalformedPayload` for a text with a NUL."""
        names = tuple(given)
        if names in self._shapes:
            shape = self._shapes[names]
        else:
            shape = self._shape(number, names)
            if len(self._shapes) < _MAX_SHAPES:
                self._shapes[names] = shape
        if shape is not None and shape.suits(given):
            return shape.payload(given)
        texts = [number]
        self.write(given, texts)
        return join_fields(texts)

    @cached_property
    def _form(self) -> "Form":
        return Form(self._steps, self._defaults)

    def _shape(self, number: str, names: tuple[str, ...]) -> "Shape | None":
        """None when these fields decide how many texts there are, or are not the message's."""
        form = self._form
        if not form.shaping.isdisjoint(names) or not self._defaults.keys() >= set(names):
            return None
        return form.shape(number, names)


def compile_table(table: Table, version: int) -> Plan:
    """The table as it stands at one version."""
    return _compile_group(table.items, version)


def default_of(field: Field) -> Any:
    """What the field is when nothing is given."""
    return field.kind.default if field.default is ABSENT else field.default


def _compile_group(items: Items, version: int) -> Plan:
    return Plan(_compile(items, version), dict(_defaults(items)))


def _compile(items: Items, version: int) -> tuple[Step, ...]:
    steps: list[Step] = []
    run: list[Field] = []
    for item in items:
        if isinstance(item, Field):
            if item.since <= version < item.until:
                run.append(item)
            continue
        if run:
            steps.append(Run(run))
            run = []
        match item:
            case When():
                if item.since <= version:
                    steps.append(Conditional(item.test, _compile(item.items, version)))
            case Repeat():
                steps.append(Repeated(item.name, _compile_group(item.items, version)))
            case Listing():
                steps.append(Listed(item.name, item.kind))
            case Maybe():
                steps.append(Flagged(item.name, _compile_group(item.items, version)))
    if run:
        steps.append(Run(run))
    return tuple(steps)


def _defaults(items: Items) -> list[tuple[str, Any]]:
    """Every name of the table at any version, so that a reader can count on all of them."""
    found: list[tuple[str, Any]] = []
    for item in items:
        match item:
            case Field():
                found.append((item.name, default_of(item)))
            case When():
                found += _defaults(item.items)
            case Repeat() | Listing():
                found.append((item.name, ()))
            case Maybe():
                found.append((item.name, None))
    return found
