"""File names made of account ids; nothing that could name another directory passes."""

from __future__ import annotations

import re

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def safe_file_name(name: str) -> str:
    """The name itself; ValueError when it holds a separator or anything else unusual."""
    if not _SAFE.fullmatch(name):
        raise ValueError(f"{name[:40]!r} cannot name a file: use letters, digits, '.', '_' and '-'")
    return name
