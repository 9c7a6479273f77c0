"""`.env` files: text comes in, names with values and line numbers go out.

Understood: `NAME=value`, `export NAME=value`, single or double quotes, `#` comments on lines of
their own or after a blank. Nothing is expanded. Anything else is refused with its line number, so
a typing error cannot silently turn a setting into its default.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from .text_file import read_text

_LINE = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
        (?:"(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<bare>[^"'\s\#](?:.*?\S)?)? )
        \s*(?:(?<=\s)\#.*)?""",
    re.VERBOSE,
)


class EnvLine(NamedTuple):
    """One assignment of the file."""

    value: str
    line: int


def read_env_file(path: Path) -> tuple[dict[str, EnvLine], list[str]]:
    """The assignments of a `.env` file and its problems; an absent file has none.

    Problems are lines that are no assignment, and names assigned twice. Raises `SettingsError` for
    a file that is not text.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return {}, []
    found: dict[str, EnvLine] = {}
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            problems.append(f"{path.name}:{number}: expected NAME=value")
        elif (name := match["name"]) in found:
            problems.append(
                f"{path.name}:{number}: {name} is already set on line {found[name].line}"
            )
        else:
            value = next((v for v in match.group("double", "single", "bare") if v is not None), "")
            found[name] = EnvLine(value, number)
    return found, problems
