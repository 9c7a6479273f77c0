"""What a command of an event is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from app.account_process.messages import TRADING, Operation
from app.execution.result_row import Reading


class AccountCommand(NamedTuple):
    """The operation that an account process does for it, and how its document is read."""

    operation: Operation
    #: Takes the account process's JSON document.
    read: Callable[[bytes], Reading]

    @property
    def mode(self) -> Literal["dry_run", "live"]:
        """Whether it may change anything at the broker."""
        return "live" if self.operation in TRADING else "dry_run"
