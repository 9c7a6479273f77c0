"""What came of a case, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from broker_connector_base.models import Attention
from broker_connector_base.values import Value

from .case import Case


class Outcome(Value):
    """How one account process ended, as the command that started it would know."""

    phase: str
    account_id: str
    #: A run's status, or the name of the error.
    status: str
    needs_attention: bool
    #: Why it does, as the run says; None when it does not say.
    attention: Attention | None = None
    message: str

    def __str__(self) -> str:
        mark = " (needs attention)" if self.needs_attention else ""
        return f"{self.phase} of {self.account_id}: {self.status}{mark} {self.message}".rstrip()


@dataclass(kw_only=True)
class Verdict:
    """What came of a case."""

    case: Case
    outcomes: list[Outcome] = field(default_factory=list)
    #: Kinds of faults that had an effect.
    fired: list[str] = field(default_factory=list)
    #: Promises that were broken.
    violations: list[str] = field(default_factory=list)
    #: The same, where a machine too slow for the case's speed would look alike.
    doubtful: list[str] = field(default_factory=list)
    #: Accounts that wait for a person, each with its reason.
    parked: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    #: Whether it was doubtful at first and was run again, more slowly.
    looked_at_again: bool = False
    #: Of the machine's time.
    seconds: float = 0.0
    #: The most that the far side was late, in the case's own seconds.
    lag: float = 0.0
