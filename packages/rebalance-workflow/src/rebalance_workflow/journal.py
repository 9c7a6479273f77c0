"""What a run writes down before and after it touches the broker, and what it reads at the start.

An intent is durable before its order is sent, so after a crash every order that may exist is known
by its key. Records are only ever appended. The journal never asks the broker and never decides
anything; `unfinished` is the list of questions that the next run has to answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Protocol

from pydantic import Field, TypeAdapter

from broker_connector_base.models import OrderResult, RunStatus
from broker_connector_base.order_states import OrderStatus
from broker_connector_base.values import NotNegative, Number, Positive, UtcTime, Value

#: For so long an order that the broker must have, and does not tell of, keeps every run away: time
#: for a person to look. Nobody confirms an order at a gateway's window much later than that.
DOUBT_LASTS = timedelta(minutes=30)


class JournalError(Exception):
    """The journal cannot be written or read; no order was sent on the strength of it."""


class Phase(StrEnum):
    """The two halves of a round."""

    SELL = "sell"
    BUY = "buy"


class RunStarted(Value):
    """A run has begun; nothing was sent yet."""

    kind: Literal["run started"] = "run started"
    run_id: str
    account_id: str
    at: UtcTime
    strategy: str


class OrderIntent(Value):
    """An order that is about to be sent."""

    kind: Literal["intent"] = "intent"
    run_id: str
    account_id: str
    at: UtcTime
    client_order_id: str
    symbol: str
    #: Signed shares.
    quantity: Number
    #: Signed shares held when it was planned.
    held_before: Number
    order_type: Literal["MARKET", "LIMIT"]
    limit_price: Positive | None = None
    time_in_force: str
    phase: Phase
    round: int = Field(ge=1)


class CashKnown(Value):
    """The account's cash before a run's first order; after that only its orders moved it."""

    kind: Literal["cash"] = "cash"
    run_id: str
    account_id: str
    #: When that was last certain.
    at: UtcTime
    #: In the account's currency: its own cash where the broker lists money in others, too, and
    #: the whole balance where not.
    cash: Number
    #: What of its own cash had settled; None in a margin account.
    spendable: Number | None = None
    #: The keys of the orders that were sent since; those of later intents come on top.
    orders: tuple[str, ...] = ()


class OrderOutcome(Value):
    """What is known of an order; NOT_FOUND says that the broker never had it."""

    kind: Literal["outcome"] = "outcome"
    run_id: str
    account_id: str
    at: UtcTime
    client_order_id: str
    status: OrderStatus
    #: Unsigned shares.
    filled_quantity: NotNegative
    #: Per share; None without a fill.
    average_price: Number | None = None
    message: str | None = None
    #: True when the broker had it, or must have it: that it does not tell of it ends no doubt.
    arrived: bool = False
    #: True once the account has shown what the order filled.
    booked: bool = False

    @classmethod
    def as_told(
        cls,
        intent: OrderIntent,
        order: OrderResult | None,
        *,
        untold: OrderStatus,
        at: datetime,
        arrived: bool = False,
    ) -> OrderOutcome:
        """What the broker tells of the order; its status is `untold` when that is nothing."""
        return cls(
            run_id=intent.run_id,
            account_id=intent.account_id,
            at=at,
            client_order_id=intent.client_order_id,
            status=untold if order is None else order.status,
            filled_quantity=0 if order is None else order.filled_quantity,
            average_price=None if order is None else order.average_price,
            message="the broker has told nothing of it" if order is None else order.message,
            arrived=arrived or order is not None,
        )

    @property
    def is_decided(self) -> bool:
        """True when the order can no longer trade and its fills are known."""
        return self.status.is_final or self.status is OrderStatus.NOT_FOUND

    @property
    def settles(self) -> bool:
        """True when nothing about the order is of interest to a later run."""
        filled_nothing = not self.filled_quantity and self.status is not OrderStatus.FILLED
        return self.is_decided and (self.booked or filled_nothing)


class RunFinished(Value):
    """The run's verdict."""

    kind: Literal["run finished"] = "run finished"
    run_id: str
    account_id: str
    at: UtcTime
    status: RunStatus
    reason: str | None = None
    #: Intents of the account, this run's and earlier ones', that no outcome settles.
    open_orders: int = Field(ge=0)
    #: What is known of the cash after it; None when nothing is that the broker does not tell.
    cash: CashKnown | None = None
    #: False when it ended without a result: what it found out about earlier orders is yet to tell.
    told: bool = True

    @property
    def is_clean(self) -> bool:
        """True when nothing before it is of interest to a later run."""
        ended_well = self.status in (RunStatus.DONE, RunStatus.NOTHING_TO_DO)
        return ended_well and self.open_orders == 0


Record = Annotated[
    RunStarted | CashKnown | OrderIntent | OrderOutcome | RunFinished,
    Field(discriminator="kind"),
]

#: To JSON and back, for journals that outlive their process.
RECORD: TypeAdapter[Record] = TypeAdapter(Record)


class RunJournal(Protocol):
    """An append-only record of runs."""

    def append(self, *records: Record) -> None:
        """Write the records in order and return when they would survive a power cut.

        Raises `JournalError` when they might not.
        """
        ...

    def history(self, account_id: str) -> list[Record]:
        """The records of the account, oldest first.

        Those before the latest end of a run that left nothing open may be missing.
        """
        ...

    def recent(self, account_id: str) -> list[Record]:
        """Records from the last run on that ended well, oldest first."""
        ...

    def unfinished(self, account_id: str) -> list[OrderIntent]:
        """Intents of the account that no outcome settles, oldest first."""
        ...


def doubted(records: Iterable[Record], now: datetime) -> list[OrderOutcome]:
    """Of orders that a run gave up a short while ago though the broker must have them."""
    latest = {r.client_order_id: r for r in records if isinstance(r, OrderOutcome)}
    return [
        outcome
        for outcome in latest.values()
        if outcome.arrived and not outcome.is_decided and now - outcome.at < DOUBT_LASTS
    ]


def unfinished(records: Iterable[Record]) -> list[OrderIntent]:
    """Intents without an outcome that settles them."""
    pending: dict[str, OrderIntent] = {}
    for record in records:
        if isinstance(record, OrderIntent):
            pending[record.client_order_id] = record
        elif isinstance(record, OrderOutcome) and record.settles:
            pending.pop(record.client_order_id, None)
    return list(pending.values())


class MemoryJournal:
    """A journal for tests and for accounts whose broker is in the same process."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, *records: Record) -> None:
        """Keep the records until the process ends."""
        self.records.extend(records)

    def history(self, account_id: str) -> list[Record]:
        """All records of the account, oldest first."""
        return [record for record in self.records if record.account_id == account_id]

    def recent(self, account_id: str) -> list[Record]:
        """All records of the account: they cost no time."""
        return self.history(account_id)

    def unfinished(self, account_id: str) -> list[OrderIntent]:
        """Intents of the account that no outcome settles, oldest first."""
        return unfinished(self.history(account_id))
