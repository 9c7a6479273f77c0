"""A state on disk.

Comes in: a JSON-able state. Goes out: the same state, or an error that says what to do. Never: half
a file; a reader sees the old state or the new one, also after a crash.
"""

import json
import os
from pathlib import Path
from typing import Any

from .errors import StateError


class StateFile:
    """One state in one file, replaced as a whole."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def read(self) -> dict[str, Any] | None:
        """The state, None when none was written yet. Raises `StateError` if it is damaged."""
        try:
            state = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise self._damaged(f"it is not JSON ({error})") from error
        if not isinstance(state, dict):
            raise self._damaged(f"it holds a {type(state).__name__} instead of an object")
        return state

    def write(self, state: dict[str, Any]) -> None:
        """Replace the state: written aside, flushed to the disk, then renamed over the old one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with aside.open("w", encoding="utf-8") as file:
                json.dump(state, file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.path)
        finally:
            aside.unlink(missing_ok=True)

    def _damaged(self, why: str) -> StateError:
        return StateError(
            f"{self.path} cannot be read: {why}; nothing was loaded, restore the file or delete it "
            "to start with a new state"
        )
