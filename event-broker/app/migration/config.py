"""`config.yaml`: what has no successor becomes a comment, what needs a decision is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.settings import SettingsError
from app.settings.config import RETIRED
from app.settings.yaml_file import Location, YamlDocument, dotted

from .text import begins_with_key, commented_out

_ADDRESS: Location = ("allocations", "base_url")
#: Without its key an account would be traded in another way. The value at which it would not.
_DECIDE: dict[Location, tuple[object, str]] = {
    ("trading", "max_account_utilization"): (
        1,
        "kept part of every account in cash, which is cash_reserve_percent in accounts.yaml alone "
        "now: raise that where it is needed, then delete this key",
    ),
}


def migrated_config(path: Path, text: str) -> tuple[str, tuple[str, ...], str | None]:
    """The new text, what was done, and the allocation service's address that was in it.

    Raises `SettingsError` for what a person must decide.
    """
    document = YamlDocument(path, missing_hint="")
    found = {
        location: reason
        for location, reason in {**RETIRED, _ADDRESS: "it is ALLOCATIONS_BASE_URL in .env"}.items()
        if _value(document.data, location) is not None
    }
    _refuse_what_needs_a_person(document, text, found)
    notes = []
    for location in sorted(found, key=document.line, reverse=True):
        text = commented_out(text, document.line(location), found[location])
        if location != _ADDRESS:
            notes.append(f"config.yaml: {dotted(location)} has no successor: {found[location]}")
    return text, tuple(reversed(notes)), _value(document.data, _ADDRESS)


def _refuse_what_needs_a_person(
    document: YamlDocument, text: str, found: dict[Location, str]
) -> None:
    problems = [
        document.problem(location, f"{_value(document.data, location)} {why}")
        for location, (harmless, why) in _DECIDE.items()
        if location in found and _value(document.data, location) != harmless
    ]
    problems += [
        document.problem(location, "cannot be taken out of its line: write one key a line")
        for location in found
        if not begins_with_key(text, document.line(location), str(location[-1]))
    ]
    if problems:
        raise SettingsError(problems)


def _value(data: Any, location: Location) -> Any:
    for key in location:
        data = data.get(key) if isinstance(data, dict) else None
    return data
