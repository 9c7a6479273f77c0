"""What the API answers with. Times are UTC, money is in account currency, numbers are JSON numbers.

`QueueStatus`, `QueueEvent` and `Healthiness` have the fields that users of earlier versions read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.events import AttemptOutcome, Command, Event, EventSource, EventState, EventSummary
from app.store.records import MessageStatus
from broker_connector_base.values import Number


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


def _printable(document: Mapping[str, object]) -> Mapping[str, object]:
    """Documents may have halves of surrogate pairs in them, which no answer can have."""
    text = json.dumps(dict(document), ensure_ascii=False)
    shown: dict[str, object] = json.loads(text.encode(errors="replace"))
    return shown


Document = Annotated[Mapping[str, object], BeforeValidator(_printable)]


class Healthiness(_Answer):
    """`healthy` is false only when the service cannot do its work at all."""

    status: str = Field(description="healthy, degraded (works, needs a person) or error")
    healthy: bool
    events_with_retries: int
    message: str
    degraded: tuple[str, ...] = ()


class QueueStatus(_Answer):
    """The queue in four numbers."""

    queue_length: int
    active_events_count: int
    oldest_event_age_seconds: int
    events_with_retries: int


class QueueEvent(_Answer):
    """An event as it is listed."""

    event_id: str
    account_id: str
    exec_command: Command
    times_queued: int
    created_at: datetime
    data: Document
    state: EventState
    source: EventSource
    source_ref: str | None
    not_before: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    reason: str | None
    merged_into: str | None

    @classmethod
    def of(cls, event: EventSummary) -> QueueEvent:
        """The event in the API's words."""
        return cls(**_words(event))


class AttemptAnswer(_Answer):
    """One try at an event; no outcome while it runs."""

    number: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: AttemptOutcome | None
    error: str | None


class EventDetails(QueueEvent):
    """An event with its result row and all that was tried."""

    result: Document | None
    attempts: tuple[AttemptAnswer, ...]


class Queued(_Answer):
    """Where an arrival went."""

    event_id: str
    merged: bool = Field(description="true: an event of the same kind waited already")
    message: str


class Removed(_Answer):
    """What was taken out of the queue."""

    event_id: str
    message: str


class OrderAnswer(_Answer):
    """An order of a run."""

    order_ref: str
    order_id: str | None
    symbol: str
    side: str
    quantity: Number
    order_type: str
    limit_price: Number | None
    status: str
    filled_quantity: Number
    average_price: Number | None
    message: str | None


class FillAnswer(_Answer):
    """An execution of an order of a run."""

    execution_id: str
    order_ref: str
    symbol: str
    side: str
    quantity: Number
    price: Number
    commission: Number | None
    executed_at: datetime | None


class RunSummary(_Answer):
    """A run."""

    run_id: str
    event_id: str | None
    account_id: str
    command: Command
    trading_mode: str
    session_date: date | None
    status: str
    orders_sent: bool
    started_at: datetime
    finished_at: datetime | None
    message: str | None


class RunDetails(RunSummary):
    """A run with its orders, their fills, and the result row."""

    orders: tuple[OrderAnswer, ...]
    fills: tuple[FillAnswer, ...]
    result: Document | None


class PreviewAnswer(_Answer):
    """What a rebalance would have done."""

    event_id: str | None
    account_id: str
    created_at: datetime
    result: Document


class PauseAnswer(_Answer):
    """A pause; without an account id it is one of all accounts."""

    account_id: str | None
    paused_at: datetime
    paused_by: str
    reason: str | None


class AccountAnswer(_Answer):
    """An account of accounts.yaml, and what keeps it from being traded."""

    account_id: str
    type: str
    broker: str
    enabled: bool
    processed: bool = Field(description="enabled, and of the type that TRADING_MODE processes")
    strategy_name: str
    cash_reserve_percent: Number
    replacement_set: str | None
    pdt_protection_enabled: bool
    paused: bool


class Armed(_Answer):
    """Whether live orders may be sent."""

    trading_mode: str
    armed: bool
    armed_until: datetime | None
    armed_by: str | None


class ScheduledEntry(_Answer):
    """An account to be rebalanced when the market opens next."""

    account_id: str
    added_at: datetime
    added_by: str
    reason: str | None


class FeedAnswer(_Answer):
    """How far a strategy's channel is known completely."""

    channel: str
    continuous_until: datetime | None
    last_message_at: datetime | None
    dirty: bool
    history_permitted: bool | None


class GapAnswer(_Answer):
    """A time for which messages of a channel may be lost."""

    gap_id: int
    channel: str
    begins_at: datetime
    ends_at: datetime
    reason: str
    recorded_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None


class MessageAnswer(_Answer):
    """A message of a channel, and what became of it."""

    number: int
    channel: str
    message_id: str
    timestamp: datetime
    received_at: datetime
    status: MessageStatus
    detail: str | None
    raw: str


class WorkerAnswer(_Answer):
    """A process of the service; one that is not seen any more has vanished."""

    worker: str
    host: str
    pid: int
    role: str
    version: str
    started_at: datetime
    seen_at: datetime


class Done(_Answer):
    """What a change did."""

    changed: bool
    message: str


def _words(event: EventSummary) -> dict[str, object]:
    """Everything but the result; `data` always says what is executed."""
    names = QueueEvent.model_fields.keys() - {"exec_command", "data"}
    words: dict[str, object] = {name: getattr(event, name) for name in names}
    return words | {
        "exec_command": event.command,
        "data": {**event.payload, "exec": event.command.value},
    }


def details(event: Event, attempts: tuple[object, ...]) -> EventDetails:
    """The event with everything that is known of it."""
    answers = tuple(AttemptAnswer.model_validate(attempt) for attempt in attempts)
    return EventDetails(**_words(event), result=event.result, attempts=answers)
