"""How a command ends: its exit code, and what it says on standard output and standard error.

With `--json`, standard output gets exactly one document, whatever happened; without, the report for
a person. Notices, progress and errors go to standard error. The exit code is that of what was done,
whether or not somebody could read of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from app import standard_streams


class ExitCode(IntEnum):
    """What callers may rely on."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    NEEDS_ATTENTION = 3


class CommandFailed(Exception):
    """A command that came to no result; `kind` names the cause for programs."""

    def __init__(self, message: str, *, kind: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.kind = kind
        self.exit_code = exit_code

    @classmethod
    def because(cls, error: Exception, exit_code: ExitCode = ExitCode.FAILED) -> CommandFailed:
        """The failure that an error of a known kind amounts to."""
        return cls(str(error), kind=type(error).__name__, exit_code=exit_code)


class Report(NamedTuple):
    """The result of a command, for either reader."""

    exit_code: ExitCode
    #: JSON, with the exact digits that the account process wrote.
    document: str
    #: Prints it for a person.
    show: Callable[[], None]
    #: Where it is found when it could not be printed.
    kept: str = "the command did its work; ask again for what it shows"


class Heading(NamedTuple):
    """What every document of a command begins with."""

    #: None when the arguments name none that there is.
    command: str | None
    account_id: str | None
    mode: str | None = None
    notices: tuple[str, ...] = ()


def print_end(heading: Heading, end: Report | CommandFailed, *, as_json: bool) -> ExitCode:
    """Print the end of a command for its reader; its exit code."""
    if isinstance(end, CommandFailed):
        say(f"error: {end}")
    if as_json:
        sys.stdout.write(document(heading, end))
    elif isinstance(end, Report):
        end.show()
    if (lost := standard_streams.output_lost()) is not None:
        where = end.kept if isinstance(end, Report) else "the error is above"
        say(f"notice: standard output could not be written ({lost.strerror}); {where}")
    return end.exit_code


def document(heading: Heading, end: Report | CommandFailed) -> str:
    """The one JSON document of a command, as a line."""
    fields: dict[str, object] = {**heading._asdict(), "exit_code": end.exit_code, "error": None}
    result = "null"
    if isinstance(end, CommandFailed):
        fields["error"] = {"kind": end.kind, "message": str(end)}
    else:
        result = end.document
    head = json.dumps(fields).removesuffix("}")
    return f'{head}, "result": {result}}}\n'


def say(line: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"{line}\n")
