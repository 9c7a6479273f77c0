"""The words in which message tables are written.

A table is a sequence of items in the order of the wire. It says what is there, from which
version on and under which condition; it never says how to read or write.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .kinds import Kind


class _Absent:
    """Marks a field whose default is its kind's."""


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Field:
    """One value, present at versions `since` <= version < `until`.

    A name may stand twice: for a value that the wire repeats, or with another kind at other
    versions. A field that is not on the wire keeps its default.
    """

    name: str
    kind: Kind
    default: Any = ABSENT
    since: int = 0
    until: int = 1_000


@dataclass(frozen=True, slots=True)
class Test:
    """Whether one value before here is as it has to be."""

    name: str
    holds: Callable[[Any], bool]

    def __call__(self, values: Mapping[str, Any]) -> bool:
        return self.holds(values[self.name])


@dataclass(frozen=True, slots=True)
class When:
    """Items that are on the wire only if `test` holds for the values before them."""

    test: Test
    items: "Items"
    since: int = 0


@dataclass(frozen=True, slots=True)
class Repeat:
    """A count, then so many groups: a tuple of dicts."""

    name: str
    items: "Items"


@dataclass(frozen=True, slots=True)
class Listing:
    """A count, then so many values of one kind: a tuple."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Maybe:
    """A flag, then a group if the flag is set: a dict or None."""

    name: str
    items: "Items"


Item = Field | When | Repeat | Listing | Maybe
Items = tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One message: its number on the wire, its name and its items after the number."""

    number: int
    name: str
    items: Items


def fields(kind: Kind, names: str) -> Items:
    """Several fields of one kind, with its default, present at every version."""
    return tuple(Field(name, kind) for name in names.split())
