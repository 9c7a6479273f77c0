"""YAML files with line numbers: text comes in, plain data goes out that can say where it stood.

Duplicate keys, tags, several documents and self-reference are refused. Validation against a model
turns every complaint into one line: file, line, key, what is wrong.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from .complaints import validate
from .errors import SettingsError
from .text_file import read_text

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What plain YAML stands for by itself; any other tag asks for an object.
_PLAIN = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
#: Ten times what any file of ours needs; PyYAML's own recursion would end the process.
_DEEPEST = 50
#: What PyYAML fails with where a value is not what it looks like, or what its tag says.
_UNREADABLE = (ValueError, ArithmeticError, LookupError, AttributeError)
#: Characters of a value that are repeated in a complaint.
_SHOWN = 60
_SHORT_TIME = re.compile(r"\d:[0-5]\d")
_Model = TypeVar("_Model", bound=BaseModel)

Location = tuple[str | int, ...]
"""A path into the data: mapping keys and list indexes, outermost first."""


class YamlDocument:
    """The data of one file and the line each part of it stood on."""

    def __init__(self, path: Path, *, missing_hint: str) -> None:
        """Read `path`; raises `SettingsError` (with `missing_hint` when there is no such file)."""
        self.name = path.name
        self._lines: dict[Location, int] = {}
        #: Single values as they stand in the file: YAML reads 17:00 as the number 1020.
        self._written: dict[Location, str] = {}
        #: Nodes that are being built now.
        self._within: set[yaml.Node] = set()
        self._problems: list[str] = []
        try:
            text = read_text(path)
            _refuse_depths(path.name, text)
            node = yaml.compose(text, Loader=_Loader)
            self.data: Any = self._build(node, ()) if node is not None else None
        except FileNotFoundError:
            raise SettingsError([f"{path}: no such file. {missing_hint}"]) from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise SettingsError([f"{path.name}:{line}: not valid YAML: {error.problem}"]) from error
        except (yaml.YAMLError, ValueError) as error:
            raise SettingsError([f"{path.name}: not valid YAML: {error}"]) from error
        except RecursionError:
            raise SettingsError([f"{path.name}: aliases are nested too deeply"]) from None
        if self._problems:
            raise SettingsError(self._problems)

    def _build(self, node: yaml.Node, location: Location) -> Any:
        self._lines.setdefault(location, node.start_mark.line + 1)
        if node.tag not in _PLAIN:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self._problems.append(
                self.problem(location, f"the tag {tag} is not allowed: write a plain value")
            )
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._single(node, location)
        if node in self._within:
            self._problems.append(self.problem(location, "an alias refers to itself"))
            return None
        self._within.add(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            return [self._build(item, (*location, index)) for index, item in enumerate(node.value)]
        finally:
            self._within.remove(node)

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*location, key)
            line = key_node.start_mark.line + 1
            if key in mapping:
                self._problems.append(
                    f"{self.name}:{line}: {dotted(here)} is already set on line {self._lines[here]}"
                )
            self._lines.setdefault(here, line)
            mapping[key] = self._build(value_node, here)
        return mapping

    def _single(self, node: yaml.ScalarNode, location: Location) -> Any:
        self._written[location] = node.value
        try:
            return yaml.SafeLoader("").construct_object(node)
        except _UNREADABLE:
            kind = node.tag.rpartition(":")[2]
            self._problems.append(
                self.problem(location, f"{_short(node.value)} cannot be read as YAML's {kind}")
            )
            return None

    def line(self, location: Location) -> int:
        """The line of `location`, or of the innermost part of it that is in the file."""
        while location not in self._lines and location:
            location = location[:-1]
        return self._lines.get(location, 1)

    def problem(self, location: Location, message: str) -> str:
        """`message` with file, line and key in front."""
        key = f" {dotted(location)}:" if location else ""
        return f"{self.name}:{self.line(location)}:{key} {message}"

    def parse(self, model: type[_Model], data: object, location: Location = ()) -> _Model:
        """`data`, which stood at `location`, as `model`; raises `SettingsError`."""
        try:
            return validate(model, data)
        except ValidationError as error:
            raise SettingsError(
                self.problem(where, explain(model, dict(detail), self._written.get(where)))
                for detail in error.errors()
                for where in [(*location, *detail["loc"])]
            ) from error


def _refuse_depths(name: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise SettingsError([f"{name}:{line}: is nested too deeply"])


def _in_full(written: str) -> str:
    """What was read as a number to the base of sixty is a time, whose hour has two digits."""
    return f"0{written}" if _SHORT_TIME.fullmatch(written) else written


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def dotted(location: Location) -> str:
    """`("accounts", 0, "type")` as `accounts[0].type`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def explain(model: type[BaseModel], detail: dict[str, Any], written: str | None) -> str:
    """A pydantic complaint in words of a configuration file; `written` is what stands there."""
    kind, location, value = detail["type"], detail["loc"], detail["input"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _known_keys(model, location[:-1]), n=1)
        return "unknown key" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "missing":
        return "is missing"
    if kind == "string_type" and written and not isinstance(value, str | None):
        return f'should be text: write "{_short(_in_full(written))}" in quotes'
    message = str(detail["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    if isinstance(value, str | None):
        return f"{message}, not {value!r}"
    return message if written is None else f"{message}, not {_short(written)}"


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type):
            return []
        if not issubclass(field.annotation, BaseModel):
            return []
        model = field.annotation
    return [field.alias or name for name, field in model.model_fields.items()]
