"""The shape that most messages have: that of one with nothing given, but for a few fields.

The steps of a table go in; texts with gaps come out, into which a message's own values are written.
A message of another shape is not for this module.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ibkr_simulator.frames import encode_text

from .errors import BadValue, Fault
from .spec import Test
from .steps import Conditional, Flagged, Listed, Repeated, Run, Step


class Shape:
    """Messages with the same fields given and all others at their defaults: a text with gaps."""

    def __init__(
        self,
        texts: Sequence[str],
        places: Sequence["Place"],
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


class Place(NamedTuple):
    """Where a field's text is in a message, and how it is read and written."""

    at: int
    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]


class Form:
    """The texts of a message with nothing given: what most of every message is."""

    def __init__(self, steps: tuple[Step, ...], defaults: Mapping[str, Any]) -> None:
        #: fields that decide how many texts there are
        self.shaping: set[str] = set()
        self._texts: list[str] = []
        self._places: list[Place] = []
        self._tests: list[tuple[Test, bool]] = []
        self._lay_out(steps, defaults)
        names = Counter(place.name for place in self._places)
        decisive = {test.name for test, _ in self._tests}
        #: by place in the message, its number being 0: fields whose change changes nothing else
        self.readers = {
            place.at + 1: (place.name, place.read)
            for place in self._places
            if names[place.name] == 1 and place.name not in decisive
        }

    @property
    def size(self) -> int:
        """How many texts there are, without the message's number."""
        return len(self._texts)

    def suits(self, values: Mapping[str, Any]) -> bool:
        """Whether a message with these values has the same texts as one with nothing given."""
        return all(test(values) is result for test, result in self._tests) and not any(
            values[name] for name in self.shaping
        )

    def shape(self, number: str, names: tuple[str, ...]) -> Shape:
        """How a message of this number is written when these fields are given."""
        named = set(names)
        places = [place._replace(at=place.at + 1) for place in self._places if place.name in named]
        tests = [(test, result) for test, result in self._tests if test.name in named]
        return Shape([number, *self._texts], places, tests)

    def _lay_out(self, steps: tuple[Step, ...], defaults: Mapping[str, Any]) -> None:
        for step in steps:
            match step:
                case Run():
                    pairs = zip(step.readers, step.writers, strict=True)
                    for (name, read), (_, write) in pairs:
                        self._places.append(Place(len(self._texts), name, read, write))
                        self._texts.append(write(defaults[name]))
                case Conditional():
                    result = step.test(defaults)
                    self._tests.append((step.test, result))
                    if result:
                        self._lay_out(step.steps, defaults)
                case Repeated() | Listed() | Flagged():
                    self.shaping.add(step.name)
                    self._texts.append("0")
