"""`config migrate`: the predecessor's files become those that are read today.

Shows what would change, and with `--write` changes it. Works on files that are no settings yet.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from app.migration import Migration, plan_migration, write_migration
from app.report.layout import console
from app.settings import SettingsError

from .outcome import CommandFailed, ExitCode, Report
from .session import home_of

_BY_HAND = (
    "The market-open list and the record of who was rebalanced today are not taken over: see "
    "docs/how-to/migrate.md."
)


def run(arguments: argparse.Namespace, variables: Mapping[str, str]) -> Report:
    """Migrate; raises `CommandFailed`."""
    home = home_of(variables)
    source = Path(arguments.source or home).resolve()
    try:
        migration = plan_migration(source, home)
        backups = write_migration(migration, datetime.now(UTC)) if arguments.write else ()
    except SettingsError as error:
        text = f"{error}\nNothing was written: correct these in {source}, then try again."
        raise CommandFailed(text, kind="SettingsError", exit_code=ExitCode.BAD_INPUT) from error
    except OSError as error:
        what = f"{error.filename}: {error.strerror}"
        raise CommandFailed(what, kind="OSError", exit_code=ExitCode.FAILED) from error
    names = tuple(backup.name for backup in backups)
    return Report(
        ExitCode.DONE,
        _document(migration, arguments.write, names),
        lambda: _show(migration, arguments.write, names),
    )


def _document(migration: Migration, written: bool, backups: tuple[str, ...]) -> str:
    return json.dumps(
        {
            "files": [{"name": file.name, "diff": file.diff} for file in migration.files],
            "notes": migration.notes,
            "written": written,
            "backups": backups,
        }
    )


def _show(migration: Migration, written: bool, backups: tuple[str, ...]) -> None:
    out = console()
    if not migration.files:
        out.print("The files have the current form; there is nothing to migrate.")
        return
    for file in migration.files:
        out.print(file.diff or f"{file.name}: taken over as it is", markup=False, soft_wrap=True)
    for note in (*migration.notes, _BY_HAND):
        out.print(f"- {note}", markup=False, soft_wrap=True)
    if not written:
        out.print("Nothing was written: --write does it, and keeps copies of the old files.")
        return
    out.print(f"Written: {', '.join(file.name for file in migration.files)}.")
    if backups:
        out.print(f"The old files: {', '.join(backups)}.", soft_wrap=True)
