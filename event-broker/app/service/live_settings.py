"""The settings of a running service: its files are read again when they change.

Comes in: the home directory. Goes out: always a whole, valid `Settings`. A file that cannot be used
is refused and told once, and the settings stay as they were. The environment is that of the start:
addresses, keys and the trading mode change with a restart only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from app.settings import Settings, SettingsError, load_settings, require_allocations

_log = structlog.get_logger(__name__)

_FILES = ("accounts.yaml", "config.yaml", "replacement-sets.yaml")

_Stamp = tuple[tuple[int, int, int] | None, ...]


class LiveSettings:
    """Calling it gives the settings as they are now."""

    def __init__(
        self,
        settings: Settings,
        variables: Mapping[str, str],
        *,
        changed: Callable[[Settings], None],
        refused: Callable[[tuple[str, ...]], None],
    ) -> None:
        """`settings` were just read with `variables`; `refused` is given file, line and key."""
        self._settings = settings
        self._variables = dict(variables)
        self._changed = changed
        self._refused = refused
        #: What the files were like when they were read, and at the latest look.
        self._seen = self._found = _stamp(settings.home)
        #: What is wrong with the files as they are; empty when they are in force.
        self.problems: tuple[str, ...] = ()

    def __call__(self) -> Settings:
        return self._settings

    def look(self) -> None:
        """Read the files again if one of them has changed, and no longer does.

        A file that is being written may be valid and mean something else: an empty config.yaml is
        all defaults, and an account list that ends too early has fewer accounts. So two looks in a
        row must find the same.
        """
        found, before = _stamp(self._settings.home), self._found
        self._found = found
        if found == before and found != self._seen:
            self.reload()

    def reload(self) -> bool:
        """Read the files now; False when they were refused."""
        self._seen = _stamp(self._settings.home)
        try:
            read = load_settings(self._settings.home, self._variables)
            new = read.model_copy(update={"environment": self._settings.environment})
            if self._settings.allocations_url is not None:
                # Without them every run would fail. A role that trades nothing may have none.
                require_allocations(new)
        except SettingsError as error:
            self.problems = error.problems
            _log.error("settings.refused", problems=error.problems)
            self._refused(error.problems)
            return False
        self.problems = ()
        if new != self._settings:
            self._settings = new
            _log.info("settings.changed", accounts=[a.account_id for a in new.accounts])
            self._changed(new)
        return True


def _stamp(home: Path) -> _Stamp:
    """Changes whenever a file is replaced or written to."""
    return tuple(_stamp_of(home / name) for name in _FILES)


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
