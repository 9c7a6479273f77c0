"""What a migration would do, as a value: files come in, new texts and every lost value go out.

Nothing is written. The new files are read by the same code that services read them with, and must
mean what the old ones meant; if not, the migration is refused.
"""

from __future__ import annotations

import difflib
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from app.settings import Settings, SettingsError, load_settings
from app.settings.text_file import read_text

from .accounts import in_current_form
from .config import migrated_config
from .environment import RENAMED, migrated_environment, problems_of_mode

FILES = ("accounts.yaml", "config.yaml", "replacement-sets.yaml", ".env")
#: A weight is replaced by so much at most before it looks like percent.
_LARGEST_SCALE = Decimal(10)
_MOVED = {"allocations_base_url", *(name.lower() for name in RENAMED.values())}


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratedFile:
    """One file of the migration."""

    name: str
    #: None when the source has no such file.
    old: str | None
    new: str

    @property
    def diff(self) -> str:
        """What changes, as a unified diff; values of `.env` are not shown."""
        is_secret = self.name == ".env"
        lines = difflib.unified_diff(
            (self.old or "").splitlines(),
            self.new.splitlines(),
            self.name,
            f"{self.name} (migrated)",
            lineterm="",
            n=0 if is_secret else 2,
        )
        return "\n".join(re.sub(r"=.*", "=***", line) if is_secret else line for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """The plan: what `write_migration` writes."""

    home: Path
    #: Those whose text at home will be another one.
    files: tuple[MigratedFile, ...]
    #: One line for each value that moves, has no successor, or wants a word.
    notes: tuple[str, ...]


def plan_migration(source: Path, home: Path) -> Migration:
    """From the files in `source` to files in `home`; they may be one directory.

    Raises `SettingsError` with everything that a person must correct or decide first.
    """
    # Unknown keys, values out of range and typing errors end here, with file, line and key.
    before = load_settings(source, {})
    _refuse_percent(before)
    old = _texts(source)
    new = dict(old)
    new["accounts.yaml"] = in_current_form(
        source / "accounts.yaml", old["accounts.yaml"], before.accounts
    )
    url, notes = None, tuple(n for n in before.notices if "outside 0 to 10" in n)
    if "config.yaml" in old:
        new["config.yaml"], more, url = migrated_config(source / "config.yaml", old["config.yaml"])
        notes += more
    text, more = migrated_environment(source / ".env", old.get(".env", ""), url)
    if text:
        new[".env"] = text
    present = old if source == home else _texts(home)
    files = tuple(
        MigratedFile(name=name, old=old.get(name), new=text)
        for name, text in new.items()
        if text != present.get(name)
    )
    if files and (problems := problems_of_mode(source / ".env")):
        raise SettingsError(problems)
    _require_same_meaning(before, _read_back(source, home, new))
    return Migration(home=home, files=files, notes=(*notes, *more))


def _texts(directory: Path) -> dict[str, str]:
    return {name: read_text(directory / name) for name in FILES if (directory / name).exists()}


def _refuse_percent(settings: Settings) -> None:
    problems = [
        f"replacement-sets.yaml: {name}: scale {rule.scale} of {rule.source} would hold so many "
        f"times its weight; if percent is meant, write {rule.scale / 100}"
        for name, rules in settings.replacement_sets.items()
        for rule in rules
        if rule.scale > _LARGEST_SCALE
    ]
    if problems:
        raise SettingsError(problems)


def _read_back(source: Path, home: Path, texts: Mapping[str, str]) -> Settings:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        # Scenarios and tapes that config.yaml may name by their relative paths.
        for entry in {e.name: e for place in (source, home) for e in place.iterdir()}.values():
            if entry.name in FILES:
                shutil.copyfile(entry, directory / entry.name)
            else:
                (directory / entry.name).symlink_to(entry.absolute())
        for file, text in texts.items():
            (directory / file).write_text(text)
        return load_settings(directory, {})


def _require_same_meaning(before: Settings, after: Settings) -> None:
    if after.notices or _meaning(before) != _meaning(after):
        raise SettingsError(
            ["the files cannot be rewritten without changing what they mean; nothing was written"]
        )


def _meaning(settings: Settings) -> object:
    return (
        settings.accounts,
        settings.config.model_copy(update={"allocations": None}),
        settings.allocations_url,
        settings.environment.model_copy(update=dict.fromkeys(_MOVED)),
    )
