"""What a command and its account process tell each other: one job in, many messages out.

A message is its kind, a blank and a JSON document, so that the parent can pass on what it does not
need to understand. Values only; no process and no pipe is touched here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from app.client_ids import Purpose
from app.settings import Settings
from broker_connector_base.models import AccountConfig, Attention
from broker_connector_base.values import UtcTime, Value


class Operation(StrEnum):
    """What to do with an account; the values are the commands that events carry."""

    REBALANCE = "rebalance"
    PREVIEW = "print-rebalance"
    POSITIONS = "print-positions"
    EQUITY = "print-equity"
    ORDERS = "print-orders"
    CANCEL_ORDERS = "cancel-orders"
    DIAGNOSE = "doctor"
    PLAN = "plan"


#: Operations that may leave orders at the broker.
TRADING = frozenset({Operation.REBALANCE, Operation.CANCEL_ORDERS})


def purpose_of(operation: Operation) -> Purpose:
    """What trades or shows what a trade would be uses the account's trading session."""
    trades = operation in TRADING or operation is Operation.PREVIEW
    return Purpose.TRADE if trades else Purpose.VIEW


class Address(NamedTuple):
    """Where the gateway listens."""

    host: str
    port: int
    #: Of the simulator, if that is one which ends with whoever uses it.
    control_port: int | None = None


class _Job(Value):
    """One operation through one gateway."""

    operation: Operation
    settings: Settings
    host: str
    port: int
    #: See `Address`.
    control_port: int | None = None
    client_id: int
    #: How long to wait for another run of the same account to end.
    lock_timeout_seconds: float
    #: Until when orders may be sent unless more is told (`lease.steady_now`); None: without end.
    lease_until: float | None = None
    #: Whether the parent keeps the run journal; otherwise it is a file.
    parent_keeps_journal: bool = False


class AccountJob(_Job):
    """One operation on one account."""

    account: AccountConfig

    @property
    def subject(self) -> str:
        """What it is about, for people and as the name of its process."""
        return self.account.account_id

    @property
    def strategy_name(self) -> str:
        """Whose targets it needs."""
        return self.account.strategy_name


class StrategyJob(_Job):
    """A preview of all accounts of one strategy."""

    operation: Operation = Operation.PLAN
    strategy_name: str
    accounts: tuple[AccountConfig, ...]
    #: Plan every account as a preview of it alone does, at a tenth of the speed.
    exact: bool = False

    @property
    def subject(self) -> str:
        """What it is about, for people and as the name of its process."""
        return f"strategy {self.strategy_name}"


Job = AccountJob | StrategyJob


class JournalRequest(Value):
    """Records that the parent shall keep, on the journal's own pipe."""

    #: JSON documents. What they say is the account process's business: others keep them.
    records: tuple[str, ...]
    #: Whether the last one ends a run that left nothing open: no later run needs those before it.
    ends_clean: bool = False


class JournalAnswer(Value):
    """What the parent says when it has done so; and first of all, what earlier runs left."""

    #: JSON documents, oldest first.
    records: tuple[str, ...] = ()
    #: Why nothing may be taken as kept; it is the last answer.
    error: str | None = None
    #: Whether trying again later may help.
    passing: bool = False


class MessageKind(StrEnum):
    """What a message from the account process is."""

    PROGRESS = "progress"
    RESULT = "result"
    FAILURE = "failure"


class Failure(Value):
    """An error that the account process reported in an orderly way."""

    #: Name of the exception's class.
    kind: str
    message: str
    #: Why a person must look before the next run; None when nobody must.
    attention: Attention | None = None
    #: True when nothing is in doubt and trying again may help, without anybody doing anything.
    passing: bool = False
    #: Of a market that was found closed: when it opens, as far as that is known.
    opens: UtcTime | None = None


class Message(NamedTuple):
    """One message; `body` is a JSON document."""

    kind: MessageKind
    body: bytes

    def encode(self) -> bytes:
        return self.kind.encode() + b" " + self.body

    @classmethod
    def decode(cls, data: bytes) -> Message:
        """Raises ValueError for bytes that are not a message."""
        kind, _, body = data.partition(b" ")
        return cls(MessageKind(kind.decode()), body)
