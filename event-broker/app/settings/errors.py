"""What is wrong with the configuration, all of it at once, each line naming file, line and key."""

from __future__ import annotations

from collections.abc import Iterable


class SettingsError(Exception):
    """The configuration cannot be used; nothing was started and nothing was sent."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
