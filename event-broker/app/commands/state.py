"""The state under `data/`: looked at before anything is started, so that no run stops for it later.

A place that cannot be written to becomes one line that names it. Nothing is repaired.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings import Settings

from .outcome import CommandFailed, ExitCode


def prepare_state(settings: Settings) -> None:
    """Create the directories that account processes write to; raises `CommandFailed`."""
    _prepare(
        settings,
        settings.log_directory,
        settings.journal_directory,
        settings.lock_directory,
        settings.state_directory,
    )


def prepare_store(settings: Settings) -> None:
    """The same for a command that needs the store and nothing else of the state."""
    if not settings.store_is_shared:
        _prepare(settings, settings.state_directory)


def _prepare(settings: Settings, *directories: Path) -> None:
    with state_needed(settings):
        for directory in directories:
            directory.mkdir(parents=True, exist_ok=True)
            for path in (directory, *directory.iterdir()):
                if not os.access(path, os.W_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


@contextmanager
def state_needed(settings: Settings) -> Iterator[None]:
    """A block that uses the state, all of it before the first order; raises `CommandFailed`."""
    try:
        yield
    except OSError as error:
        data = settings.data_directory
        raise CommandFailed(
            f"{error.filename or data}: {error.strerror}. {data} holds the state of all runs and "
            "must be a directory that this user can write to. Nothing was sent.",
            kind="StateError",
            exit_code=ExitCode.BAD_INPUT,
        ) from error
