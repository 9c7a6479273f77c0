"""From parsed arguments to an exit code: the frame around every command.

Whatever happens, it ends here as a report or as one clear line, and as one document for a program.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from typing import Protocol, cast

from app import interruption

from .outcome import CommandFailed, ExitCode, Heading, Report, print_end, say
from .session import Session, open_session, read_settings


class Command(Protocol):
    """What a module of a command offers."""

    def run(self, session: Session) -> Report:
        """Do it; raises `CommandFailed`."""


def run(arguments: argparse.Namespace, variables: Mapping[str, str]) -> ExitCode:
    """Run the command of the arguments with the environment's variables."""
    heading = Heading(arguments.command, arguments.account)
    end: Report | CommandFailed
    try:
        if arguments.command == "config":
            # About files that may be no settings yet.
            from . import config

            end = config.run(arguments, variables)
        else:
            settings = read_settings(variables)
            heading = heading._replace(mode=settings.mode.value, notices=settings.notices)
            for notice in settings.notices:
                say(f"notice: {notice}")
            with open_session(arguments, settings) as session:
                # Loaded while the simulator and the fork server start.
                module = importlib.import_module(f".{_module_name(arguments.command)}", __package__)
                end = cast(Command, module).run(session)
    except CommandFailed as failure:
        end = failure
    interruption.ignore()
    return print_end(heading, end, as_json=arguments.json)


def _module_name(command: str) -> str:
    return command.replace("-", "_")
