"""What the operations that look at an account or tidy it up come back with."""

from __future__ import annotations

from enum import StrEnum

from broker_connector_base.models import Fill, OpenOrder
from broker_connector_base.values import Value


class OrdersReport(Value):
    """The working orders of an account, anybody's; `own` says that a run of it placed the order."""

    account_id: str
    orders: tuple[OpenOrder, ...]


class CancelReport(Value):
    """What became of the working orders of an account that were to be cancelled."""

    account_id: str
    #: No longer working, as the broker says: cancelled, or filled before the request arrived.
    ended: tuple[OpenOrder, ...]
    #: Placed by this account's runs, and still working at the end.
    still_working: tuple[OpenOrder, ...]
    #: Placed by somebody else: only their owner can cancel them.
    foreign: tuple[OpenOrder, ...]
    #: Executions of these orders since they were listed, while the cancellations were on their way.
    fills: tuple[Fill, ...]
    #: Why the broker did not tell the executions; None when it did.
    fills_unknown: str | None = None

    @property
    def is_clear(self) -> bool:
        """Whether no order of the account is working any more."""
        return not self.still_working and not self.foreign


class Verdict(StrEnum):
    """The outcome of one check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    #: Not tried, because a check before it failed.
    SKIPPED = "skipped"


class Check(Value):
    """One thing that must be right before an account can be rebalanced."""

    name: str
    verdict: Verdict
    #: What was found.
    detail: str
    #: One line that says what to do; None when nothing is to be done.
    fix: str | None = None


class Diagnosis(Value):
    """All checks of one account, in the order in which they depend on each other."""

    account_id: str
    checks: tuple[Check, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing failed; a warning is no failure."""
        return all(check.verdict in (Verdict.OK, Verdict.WARNING) for check in self.checks)
