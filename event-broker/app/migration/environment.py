"""`.env` with the first generation's names: renamed where there is a successor, else commented out.

Values are moved and never shown.
"""

from __future__ import annotations

import re
from pathlib import Path

from app.settings import SettingsError
from app.settings.env_file import read_env_file
from app.settings.environment import RETIRED

from .text import commented_out, renamed, with_lines

#: Old name -> the name of today for the same value.
RENAMED = {"ZEHNLABS_FINTECH_API_KEY": "ALLOCATIONS_API_KEY"}
_BARE = re.compile(r"[^\s\"'#]+")
_MODE_IS_MISSING = (
    ".env: TRADING_MODE is not set, and without it everything is simulated: write paper or live"
)


def migrated_environment(
    path: Path, text: str, allocations_url: str | None
) -> tuple[str, tuple[str, ...]]:
    """The new text of `.env` and what was done; `allocations_url` was in config.yaml.

    Raises `SettingsError` when old and new name have different values.
    """
    notes: list[str] = []
    values, _ = read_env_file(path)
    # From the end, because a reason is a line of its own.
    for name, entry in sorted(values.items(), key=lambda item: -item[1].line):
        new = RENAMED.get(name)
        if new is not None and new not in values:
            text = renamed(text, entry.line, name, new)
            notes.append(f".env: {name} is called {new} now")
        elif name in RETIRED:
            if new is not None and values[new].value != entry.value:
                raise SettingsError(
                    [f".env: {name} and {new} have different values: keep the right one"]
                )
            reason = f"{new} has the same value" if new else RETIRED[name]
            text = commented_out(text, entry.line, reason)
            notes.append(f".env: {name} has no successor: {reason}")
    if allocations_url is not None and "ALLOCATIONS_BASE_URL" not in values:
        value = allocations_url if _BARE.fullmatch(allocations_url) else f'"{allocations_url}"'
        text = with_lines(text, f"ALLOCATIONS_BASE_URL={value}")
        notes.append("config.yaml: allocations.base_url is ALLOCATIONS_BASE_URL in .env now")
    return text, tuple(reversed(notes))


def problems_of_mode(path: Path) -> tuple[str, ...]:
    """The predecessor knew no simulation: whoever comes from it says what is meant."""
    values, _ = read_env_file(path)
    said = values.get("TRADING_MODE")
    return () if said and said.value else (_MODE_IS_MISSING,)
