"""Write docs/reference from the code: settings, commands, HTTP API. `--check` compares only.

What a key means is the `#:` comment above its field; a page says nothing that the code does not.
"""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.api import Backend, create_api
from app.cli import parse
from app.settings import config, environment
from app.settings.replacement_sets import ReplacementRule
from app.settings.schedules import DriftCheck, ScheduledAccount, ScheduledCommand

PAGES = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Made by tools/reference.py from the code; edit that. -->"
BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}
PATTERNS = {"^([01]": '"HH:MM", in quotes', "^https?": "an address, http or https"}
KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "str": "text",
    "SecretStr": "text, secret",
    "Decimal": "a number",
    "float": "a number",
    "time": 'a time, "23:59" or "11:59 PM"',
}


def settings_page() -> Iterator[str]:
    yield from ("# Configuration", "", MADE, "")
    yield "Every key of every file: what it may be, its default, and what it is for. An unknown"
    yield "key, a key twice or a value out of range is refused with its file, line and name."
    yield from section("accounts.yaml", "An entry of the list `accounts:`", ScheduledAccount)
    yield from section("", "An entry of `schedule:`", ScheduledCommand)
    yield from section("", "`drift_check:`", DriftCheck)
    yield "The first generation's bare list (`account_id`, `notification.channel`,"
    yield "`rebalancing.equity_reserve_percentage`) is read, too, with a notice."
    yield from ("", "## config.yaml", "")
    yield "Every key is optional. Running services take changes over within two seconds, or refuse"
    yield "them whole."
    yield ""
    yield from table(config.Config)
    yield from retired({".".join(map(str, key)): why for key, why in config.RETIRED.items()})
    yield from section("replacement-sets.yaml", "An entry of a set's list", ReplacementRule)
    yield from ("", "## .env and environment variables", "")
    yield "The process's environment wins over `.env`; an empty value counts as not set. Changes"
    yield "need a restart."
    yield ""
    yield from table(environment.Environment)
    yield from retired(environment.RETIRED)


def section(title: str, what: str, model: type[BaseModel]) -> Iterator[str]:
    yield from (["", f"## {title}", ""] if title else [""])
    yield from (f"{what}:", "", *table(model))


def table(model: type[BaseModel]) -> Iterator[str]:
    yield from ("| key | values | default | meaning |", "|---|---|---|---|")
    yield from rows(model)
    yield ""


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    meanings = {k: v for c in reversed(model.__mro__) for k, v in comments(c).items()}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            if prefix + name:
                doc = inspect.cleandoc(field.annotation.__doc__ or "").replace("\n", " ")
                yield f"| **`{prefix}{name}`** | | | {doc} |"
            yield from rows(field.annotation, f"{prefix}{name}.")
            continue
        key = f"{prefix}{field.alias or name}"
        cells = (f"`{key}`", values(field), default(field), meanings.get(name, ""))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def comments(model: type) -> dict[str, str]:
    """The `#:` comments of a class, by field."""
    if not issubclass(model, BaseModel) or model is BaseModel:
        return {}
    found: dict[str, str] = {}
    pending: list[str] = []
    for line in map(str.strip, inspect.getsource(model).splitlines()):
        if line.startswith("#:"):
            pending.append(line.removeprefix("#:").strip())
        else:
            if (field := re.match(r"(\w+):", line)) and pending:
                found[field[1]] = " ".join(pending)
            pending = []
    return found


def values(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if type(None) in get_args(kind):
        kind = next(option for option in get_args(kind) if option is not type(None))
    rules = list(field.metadata)
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        rules += more
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{choice.value}`" for choice in kind)
    bounds = [
        text.format(getattr(rule, name))
        for name, text in BOUNDS.items()
        for rule in rules
        if hasattr(rule, name)
    ]
    return " ".join(bounds) or shape(kind, rules)


def shape(kind: Any, rules: list[Any]) -> str:
    patterns = [str(getattr(rule, "pattern", None)) for rule in rules]
    for start, words in PATTERNS.items():
        if any(pattern.startswith(start) for pattern in patterns):
            return words
    return KINDS.get(getattr(kind, "__name__", ""), "below")


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default()
    shown = value.value if isinstance(value, Enum) else value
    if shown is None or shown == ():
        return ""
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def retired(names: dict[str, str]) -> Iterator[str]:
    yield from ("Accepted with a notice, and without effect:", "")
    yield from ("| key | instead |", "|---|---|")
    yield from (f"| `{name}` | {instead} |" for name, instead in names.items())
    yield ""


def commands_page() -> Iterator[str]:
    yield from ("# Commands", "", MADE, "")
    yield "`tools/rebalancer.sh COMMAND` runs any of them. `tools/rebalance.sh`, `tools/serve.sh`,"
    yield "`tools/schedule.sh` and `tools/reload.sh` are short for the commands of these names."
    yield ""
    yield "What holds for a command holds for its actions (`schedule add`, `attention retry`, ...):"
    yield "`--json`, before or after the action, prints one JSON document and nothing else, and the"
    yield "exit codes are the same."
    yield from explain([])


def explain(command: list[str]) -> Iterator[str]:
    text = help_of(command)
    yield from ("", f"## {' '.join(['rebalancer', *command])}", "", "```text", text.rstrip(), "```")
    listed = re.search(r"^ {2}(?:COMMAND|ACTION)\n((?: {4}.*\n)+)", text, re.MULTILINE)
    for name in re.findall(r"^ {4}(\S+)", listed[1] if listed else "", re.MULTILINE):
        yield from explain([*command, name])


def help_of(command: list[str]) -> str:
    written = io.StringIO()
    os.environ["COLUMNS"] = "100"
    with redirect_stdout(written), suppress(SystemExit):
        parse([*command, "--help"])
    return written.getvalue()


def api_page() -> Iterator[str]:
    # Endpoints are described without a service behind them.
    document = create_api(cast(Backend, None)).openapi()
    yield from ("# HTTP API", "", MADE, "")
    yield "A running service has the whole description: `/docs` for people, `/openapi.json` for"
    yield "programs."
    yield "How keys work is in [operations](../operations.md#keys)."
    yield from ("", "| method | path | what it does |", "|---|---|---|")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            text = " ".join(operation.get("description", "").split())
            yield f"| {method.upper()} | `{path}` | {text} |"
    yield from ("", "## Query parameters", "")
    yield "An event that has ended is not among `/queue/events` unless its state is asked for"
    yield "(`?state=done`); by its id it is found whatever its state."
    yield ""
    yield from ("| path | parameter | values | default | meaning |", "|---|---|---|---|---|")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for given in operation.get("parameters", ()):
                if given["in"] == "query":
                    yield query_row(f"{method.upper()} {path}", given, document)


def query_row(path: str, given: dict[str, Any], document: dict[str, Any]) -> str:
    """A line of the table; `document` holds what schemas refer to."""
    schema = given["schema"]
    usual = schema.get("default")
    shown = "" if usual is None else f"`{json.dumps(usual)}`"
    shown = "needed" if given["required"] else shown
    said = given.get("description", "")
    return f"| `{path}` | `{given['name']}` | {kind_of(schema, document)} | {shown} | {said} |"


def kind_of(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """What a parameter may be, in words."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        options = (option for option in schema["anyOf"] if option != {"type": "null"})
        return " or ".join(kind_of(option, document) for option in options)
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema["type"] == "array":
        return f"{kind_of(schema['items'], document)}; may be given several times"
    bounds = {"minimum": "from {}", "maximum": "to {}"}
    found = [words.format(schema[name]) for name, words in bounds.items() if name in schema]
    kinds = {"string": "text", "boolean": "`true` or `false`", "integer": "a whole number"}
    return " ".join(found) or kinds[schema["type"]]


def pages() -> dict[str, str]:
    made = {
        "configuration.md": settings_page(),
        "commands.md": commands_page(),
        "http-api.md": api_page(),
    }
    return {name: re.sub(r"\n{3,}", "\n\n", "\n".join(text) + "\n") for name, text in made.items()}


if __name__ == "__main__":
    stale = [
        name
        for name, text in pages().items()
        if not (PAGES / name).exists() or (PAGES / name).read_text() != text
    ]
    if "--check" not in sys.argv:
        PAGES.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (PAGES / name).write_text(pages()[name])
    print(json.dumps(stale))
    sys.exit(1 if stale and "--check" in sys.argv else 0)
