"""Tables made ready for one version: the one reader and the one writer.

`compile_table` drops what a version does not have and joins neighbouring fields into runs, once
per table and version; after that reading and writing are plain loops. Each kind of step has its
`read` and its `write` side by side so that one cannot drift from the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from ibkr_simulator.frames import encode_text, join_fields

from .errors import BadValue, Fault, MissingFields, UnknownField
from .kinds import INT, Kind
from .spec import ABSENT, Field, Items, Listing, Maybe, Repeat, Table, Test, When

#: The server sends each message with few different sets of fields; bounds what others could cost.
_MAX_SHAPES = 64
#: No message has groups in such numbers; bounds what a hostile count can cost.
_MAX_COUNT = 100_000


class _Step(Protocol):
    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        """Put what starts at `position` into `values`; return the position after it."""

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        """Append the texts for `values`."""


class _Run:
    """Neighbouring plain fields.

    Most of them are the same in message after message, so the last texts read are kept with their
    values, and only what differs from them is read.
    """

    def __init__(self, members: Sequence[Field]) -> None:
        self._readers = tuple((field.name, field.kind.read) for field in members)
        self.writers = tuple((field.name, field.kind.write) for field in members)
        self._names_differ = len({field.name for field in members}) == len(members)
        self._last_texts: Sequence[str] = ()
        self._last_values: dict[str, Any] = {}

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        end = position + len(self._readers)
        here = texts[position:end]
        if here != self._last_texts and not self._read_what_differs(here):
            self._read_all(texts, position, here, values)
        values.update(self._last_values)
        return end

    def _read_what_differs(self, here: Sequence[str]) -> bool:
        """Whether only these texts' differences from the last had to be read."""
        if len(here) != len(self._last_texts) or not self._names_differ:
            return False
        found = self._last_values.copy()
        try:
            for at, (text, last) in enumerate(zip(here, self._last_texts, strict=True)):
                if text != last:
                    name, read = self._readers[at]
                    found[name] = read(text)
        except ValueError:
            return False
        self._last_texts, self._last_values = here, found
        return True

    def _read_all(
        self, texts: Sequence[str], position: int, here: Sequence[str], values: dict[str, Any]
    ) -> None:
        readers = self._readers
        found: dict[str, Any] = {}
        name = ""
        try:
            for (name, read), text in zip(readers, here, strict=False):
                found[name] = read(text)
        except ValueError as error:
            at = position + [reader[0] for reader in readers].index(name)
            raise Fault(BadValue, str(error), name, at) from error
        finally:
            # What was read before a mistake is where its session finds the id to answer to.
            values.update(found)
        if len(here) < len(readers):
            raise _missing(readers[len(here)][0], texts)
        self._last_texts, self._last_values = here, found

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        name = ""
        try:
            for name, write in self.writers:
                texts.append(write(values[name]))
        except (ValueError, TypeError, KeyError) as error:
            raise Fault(BadValue, f"cannot write it: {error}", name) from error


@dataclass(frozen=True, slots=True)
class _Conditional:
    test: Test
    steps: tuple[_Step, ...]

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        return _read(self.steps, texts, position, values) if self.test(values) else position

    def write(self, values: Mapping[str, Any], texts: list[str]) -> None:
        if self.test(values):
            _write(self.steps, values, texts)


@dataclass(frozen=True, slots=True)
class _Repeated:
    name: str
    group: "Plan"

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
class _Listed:
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
class _Flagged:
    name: str
    group: "Plan"

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


class Plan:
    """A table, or a group in one, for one version."""

    def __init__(self, steps: tuple[_Step, ...], defaults: Mapping[str, Any]) -> None:
        self._steps = steps
        self._defaults = defaults
        #: the fields that were given -> how a message with just these is written
        self._shapes: dict[tuple[str, ...], _Shape | None] = {}

    def read(self, texts: Sequence[str], position: int, values: dict[str, Any]) -> int:
        """Fill `values` from `position` on; return the position after it. Raises `Fault`."""
        values.update(self._defaults)
        return _read(self._steps, texts, position, values)

    def write(self, given: Mapping[str, Any], texts: list[str]) -> None:
        """Append the texts for the given values, defaults for the rest. Raises `Fault`."""
        values = {**self._defaults, **given}
        if len(values) != len(self._defaults):
            unknown = next(name for name in values if name not in self._defaults)
            raise Fault(UnknownField, "the message has no such field", unknown)
        _write(self._steps, values, texts)

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
    def _form(self) -> "_Form":
        return _Form(self._steps, self._defaults)

    def _shape(self, number: str, names: tuple[str, ...]) -> "_Shape | None":
        """None when these fields decide how many texts there are, or are not the message's."""
        form = self._form
        if not form.shaping.isdisjoint(names) or not self._defaults.keys() >= set(names):
            return None
        return form.shape(number, names)


class _Shape:
    """Messages with the same fields given and all others at their defaults: a text with gaps."""

    def __init__(
        self,
        texts: Sequence[str],
        places: Sequence["_Place"],
        tests: Sequence[tuple[Test, bool]],
    ) -> None:
        fixed = [text.replace("%", "%%") for text in texts]
        for place in places:
            fixed[place.at] = "%s"
        self._template = "\0".join(fixed) + "\0"
        self._count = len(fixed)
        self._writers = [(place.name, place.write) for place in places]
        self._tests = [(test.name, test.holds) for test, _ in tests]
        self._results = [result for _, result in tests]

    def suits(self, given: Mapping[str, Any]) -> bool:
        """Whether these values leave out what the defaults leave out, and nothing else."""
        return [holds(given[name]) for name, holds in self._tests] == self._results

    def payload(self, given: Mapping[str, Any]) -> bytes:
        try:
            texts = tuple([write(given[name]) for name, write in self._writers])
        except (ValueError, TypeError) as error:
            raise Fault(BadValue, f"cannot write it: {error}", self._wrong(given)) from error
        return encode_text(self._template % texts, self._count)

    def _wrong(self, given: Mapping[str, Any]) -> str:
        """The first field whose value cannot be written."""
        for name, write in self._writers:
            try:
                write(given[name])
            except (ValueError, TypeError):
                return name
        return ""


class _Place(NamedTuple):
    """Where a field's text is in a message, and how it is written."""

    at: int
    name: str
    write: Callable[[Any], str]


class _Form:
    """The texts of a message with nothing given: what most of every message is."""

    def __init__(self, steps: tuple[_Step, ...], defaults: Mapping[str, Any]) -> None:
        #: fields that decide how many texts there are
        self.shaping: set[str] = set()
        self._texts: list[str] = []
        self._places: list[_Place] = []
        self._tests: list[tuple[Test, bool]] = []
        self._lay_out(steps, defaults)

    def shape(self, number: str, names: tuple[str, ...]) -> _Shape:
        """How a message of this number is written when these fields are given."""
        named = set(names)
        places = [place._replace(at=place.at + 1) for place in self._places if place.name in named]
        tests = [(test, result) for test, result in self._tests if test.name in named]
        return _Shape([number, *self._texts], places, tests)

    def _lay_out(self, steps: tuple[_Step, ...], defaults: Mapping[str, Any]) -> None:
        for step in steps:
            match step:
                case _Run():
                    for name, write in step.writers:
                        self._places.append(_Place(len(self._texts), name, write))
                        self._texts.append(write(defaults[name]))
                case _Conditional():
                    result = step.test(defaults)
                    self._tests.append((step.test, result))
                    if result:
                        self._lay_out(step.steps, defaults)
                case _Repeated() | _Listed() | _Flagged():
                    self.shaping.add(step.name)
                    self._texts.append("0")


def compile_table(table: Table, version: int) -> Plan:
    """The table as it stands at one version."""
    return _compile_group(table.items, version)


def default_of(field: Field) -> Any:
    """What the field is when nothing is given."""
    return field.kind.default if field.default is ABSENT else field.default


def _compile_group(items: Items, version: int) -> Plan:
    return Plan(_compile(items, version), dict(_defaults(items)))


def _compile(items: Items, version: int) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    run: list[Field] = []
    for item in items:
        if isinstance(item, Field):
            if item.since <= version < item.until:
                run.append(item)
            continue
        if run:
            steps.append(_Run(run))
            run = []
        match item:
            case When():
                if item.since <= version:
                    steps.append(_Conditional(item.test, _compile(item.items, version)))
            case Repeat():
                steps.append(_Repeated(item.name, _compile_group(item.items, version)))
            case Listing():
                steps.append(_Listed(item.name, item.kind))
            case Maybe():
                steps.append(_Flagged(item.name, _compile_group(item.items, version)))
    if run:
        steps.append(_Run(run))
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


def _read(
    steps: tuple[_Step, ...], texts: Sequence[str], position: int, values: dict[str, Any]
) -> int:
    for step in steps:
        position = step.read(texts, position, values)
    return position


def _write(steps: tuple[_Step, ...], values: Mapping[str, Any], texts: list[str]) -> None:
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
