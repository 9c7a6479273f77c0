"""A migration's files on the disk: the old ones are kept beside the new ones."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from .plan import Migration


def write_migration(migration: Migration, now: datetime) -> tuple[Path, ...]:
    """Write the new files; the copies of those that were there before.

    Each file is replaced in one step, and nothing is replaced before everything is copied. A file
    keeps its permissions; a new `.env` is readable by its owner alone.
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    backups = []
    for file in migration.files:
        path = migration.home / file.name
        if path.exists():
            backup = path.with_name(f"{file.name}.bak-{stamp}")
            shutil.copy2(path, backup)
            backups.append(backup)
    for file in migration.files:
        path = migration.home / file.name
        fresh = path.with_name(f"{file.name}.new")
        fresh.touch(mode=0o600 if file.name == ".env" else 0o644)
        if path.exists():
            shutil.copymode(path, fresh)
        fresh.write_text(file.new)
        os.replace(fresh, path)
    return tuple(backups)
