"""Text of configuration files, changed line by line: everything else stays as it was written.

Comes in: text and line numbers, counted from 1. Goes out: text. It knows no file and no meaning.
"""

from __future__ import annotations

import re

import yaml

_COMMENT_OR_BLANK = re.compile(r"\s*(#.*)?")


def commented_out(text: str, line: int, reason: str) -> str:
    """`text` with the setting that begins at `line` as a comment, the reason above it.

    The lines that follow with a deeper indentation belong to it.
    """
    lines = text.splitlines()
    first = line - 1
    depth = _depth(lines[first])
    after = first + 1
    while after < len(lines) and (is_idle(lines[after]) or _depth(lines[after]) > depth):
        after += 1
    indent = " " * depth
    block = [entry if is_idle(entry) else _as_comment(entry, depth) for entry in lines[first:after]]
    return _joined([*lines[:first], f"{indent}# Retired: {reason}", *block, *lines[after:]])


def renamed(text: str, line: int, old: str, new: str) -> str:
    """`text` with the first `old` of the line written as `new`."""
    lines = text.splitlines()
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    return _joined(lines)


def with_lines(text: str, *more: str) -> str:
    """`text` with lines at its end."""
    return _joined([*text.splitlines(), *more])


def begins_with_key(text: str, line: int, key: str) -> bool:
    """Whether the setting has its line for itself, which one in braces has not."""
    return bool(re.match(rf"""\s*["']?{re.escape(key)}["']?\s*:""", text.splitlines()[line - 1]))


def comments(text: str) -> dict[int, str]:
    """The comments of YAML by their lines, from `#` to the end."""
    ends: dict[int, int] = {}
    for token in yaml.scan(text):
        for number in range(token.start_mark.line, token.end_mark.line):
            ends[number] = len(text)
        ends[token.end_mark.line] = max(ends.get(token.end_mark.line, 0), token.end_mark.column)
    rests = {n: entry[ends.get(n, 0) :].strip() for n, entry in enumerate(text.splitlines())}
    return {number + 1: rest for number, rest in rests.items() if rest.startswith("#")}


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def is_idle(line: str) -> bool:
    """Whether it is a comment or blank."""
    return _COMMENT_OR_BLANK.fullmatch(line) is not None


def _as_comment(line: str, depth: int) -> str:
    return f"{line[:depth]}# {line[depth:]}"


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
