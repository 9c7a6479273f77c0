"""What a service cannot work without although every file can be read.

Commands that need none of it ignore it; whoever asks whether all is good, and the service itself,
ask here.
"""

from __future__ import annotations

from app.notifications import addresses
from app.settings import Settings, SettingsError, require_allocations

from .outcome import CommandFailed, ExitCode


def missing_needs(settings: Settings, *, trades: bool = True) -> tuple[str, ...]:
    """What is wrong, one line each; `trades` says whether the service works events."""
    problems: list[str] = []
    try:
        if trades:
            require_allocations(settings)
    except SettingsError as error:
        problems += error.problems
    try:
        addresses(settings.environment)
    except SettingsError as error:
        problems += error.problems
    return tuple(problems)


def require_needs(settings: Settings, *, trades: bool = True) -> None:
    """Raise `CommandFailed` when something is wrong."""
    if problems := missing_needs(settings, trades=trades):
        raise CommandFailed.because(SettingsError(problems), ExitCode.BAD_INPUT)
