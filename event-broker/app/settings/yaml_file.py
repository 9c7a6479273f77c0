"""YAML files with line numbers: text comes in, plain data goes out that can say where it stood.

Duplicate keys, tags, several documents and self-reference are refused. Validation against a model
turns every complaint into one line: file, line, key, what is wrong.
"""

from __future__ import annotations

import difflib
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
_Model = TypeVar("_Model", bound=BaseModel)

Location = tuple[str | int, ...]
"""A path into the data: mapping keys and list indexes, outermost first."""


class YamlDocument:
    """The data of one file and the line each part of it stood on."""

    def __init__(self, path: Path, *, missing_hint: str) -> None:
        """Read `path`; raises `SettingsError` (with `missing_hint` when there is no such file)."""
        self.name = path.name
        self._lines: dict[Location, int] = {}
        self._problems: list[str] = []
        try:
            node = yaml.compose(read_text(path), Loader=_Loader)
            self.data: Any = self._build(node, ()) if node is not None else None
        except FileNotFoundError:
            raise SettingsError([f"{path}: no such file. {missing_hint}"]) from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise SettingsError([f"{path.name}:{line}: not valid YAML: {error.problem}"]) from error
        except (yaml.YAMLError, ValueError) as error:
            raise SettingsError([f"{path.name}: not valid YAML: {error}"]) from error
        except RecursionError:
            raise SettingsError([f"{path.name}: an alias refers to itself"]) from None
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
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                here = (*location, key)
                line = key_node.start_mark.line + 1
                if key in mapping:
                    self._problems.append(
                        f"{self.name}:{line}: {dotted(here)} is already set on line "
                        f"{self._lines[here]}"
                    )
                self._lines.setdefault(here, line)
                mapping[key] = self._build(value_node, here)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*location, index)) for index, item in enumerate(node.value)]
        return yaml.SafeLoader("").construct_object(node)

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
                self.problem((*location, *detail["loc"]), explain(model, dict(detail)))
                for detail in error.errors()
            ) from error


def dotted(location: Location) -> str:
    """`("accounts", 0, "type")` as `accounts[0].type`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def explain(model: type[BaseModel], detail: dict[str, Any]) -> str:
    """A pydantic complaint in words of a configuration file."""
    kind, location, value = detail["type"], detail["loc"], detail["input"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _known_keys(model, location[:-1]), n=1)
        return "unknown key" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "missing":
        return "is missing"
    if kind == "string_type" and not isinstance(value, dict | list | None):
        return f"should be text: put {value!r} in quotes"
    message = str(detail["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return message if isinstance(value, dict | list) else f"{message}, not {value!r}"


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type):
            return []
        if not issubclass(field.annotation, BaseModel):
            return []
        model = field.annotation
    return [field.alias or name for name, field in model.model_fields.items()]
