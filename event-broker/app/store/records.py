"""What the store keeps besides events. Times are aware UTC, money and shares are Decimal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.events import Command


class MessageOrigin(StrEnum):
    """Which way a message came."""

    LIVE = "live"
    HISTORY = "history"
    REWIND = "rewind"


class MessageStatus(StrEnum):
    """What became of a message; only `received` ones are still to be looked at."""

    RECEIVED = "received"
    DISPATCHED = "dispatched"
    MALFORMED = "malformed"
    STALE = "stale"
    NOBODY_FOLLOWS = "nobody_follows"
    BEFORE_FIRST_START = "before_first_start"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of a strategy's channel, word for word."""

    channel: str
    #: With the channel the identity of the message, for good.
    message_id: str
    #: The server's time.
    timestamp: datetime
    serial: str | None = None
    name: str | None = None
    #: JSON text as it arrived, decodable or not.
    raw: str
    origin: MessageOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message and what became of it."""

    number: int
    message: Message
    received_at: datetime
    status: MessageStatus
    detail: str | None
    dispatched_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How far a channel is known completely."""

    channel: str
    #: Server time of the first attachment ever; earlier messages are history, not orders.
    first_started_at: datetime | None
    #: Everything up to here was received, by the server's clock.
    continuous_until: datetime | None
    last_message_at: datetime | None
    #: Something was missed: catch up before trusting the channel.
    dirty: bool
    #: None until it was tried.
    history_permitted: bool | None
    #: The oldest message ever found in history was this old.
    observed_retention: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedGap:
    """A time for which a channel's messages may be lost for good."""

    gap_id: int
    channel: str
    begins_at: datetime
    ends_at: datetime
    reason: str
    recorded_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """One order of a run."""

    #: The run's own name for it, the same in every retry.
    order_ref: str
    #: The broker's name for it.
    order_id: str | None = None
    symbol: str
    #: BUY or SELL.
    side: str
    #: Shares, positive.
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None = None
    status: str
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord:
    """One execution of an order of a run."""

    execution_id: str
    order_ref: str
    symbol: str
    side: str
    #: Shares, positive.
    quantity: Decimal
    #: Of one share.
    price: Decimal
    #: In account currency; None when the broker has not told yet.
    commission: Decimal | None = None
    executed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One run of a command on an account, in a line."""

    run_id: str
    event_id: str | None = None
    account_id: str
    command: Command
    #: paper or live.
    trading_mode: str
    #: Session of the exchange's calendar that it traded in.
    session_date: date | None = None
    status: str
    #: Whether an order may have reached the broker.
    orders_sent: bool = False
    started_at: datetime
    finished_at: datetime | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord(RunSummary):
    """One run of a command on an account, with its orders and their fills."""

    #: The result document that users see.
    result: Mapping[str, object] | None = None
    orders: tuple[OrderRecord, ...] = ()
    fills: tuple[FillRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTally:
    """The runs of a time in numbers."""

    by_status: Mapping[str, int]
    #: Their orders of which a share was filled.
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRecord:
    """What a rebalance of an account would have done."""

    preview_id: int
    event_id: str | None
    account_id: str
    created_at: datetime
    result: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Rebalances of an account (None: of all accounts) wait until it is resumed."""

    account_id: str | None
    paused_at: datetime
    paused_by: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What decides whether an event may be worked now, as far as the store knows it."""

    #: When the latest of the arrivals came that the event stands for.
    asked_at: datetime
    #: Until when it was last held because its broker said closed; None if it never was.
    closed_until: datetime | None
    #: The pause that it waits for.
    pause: Pause | None
    #: None when live trading is not armed now.
    armed_until: datetime | None
    #: Rebalances of its account in the session that may have sent orders.
    sessions_used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arming:
    """Live trading is allowed until then."""

    armed_at: datetime
    armed_until: datetime
    armed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOpenEntry:
    """An account to be rebalanced when the market opens next."""

    account_id: str
    added_at: datetime
    added_by: str
    reason: str | None
    #: The latest due time that a rebalance was enqueued for; None while it waits for its first.
    fired_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleMark:
    """How far a schedule has been taken care of."""

    #: The latest due time; or when it was first seen, or up to when its times were missed.
    fired_at: datetime
    #: What was enqueued for that time. None: nothing was, or what came of it has been looked at.
    event_id: str | None


class LetterOutcome(StrEnum):
    """What became of a letter."""

    DELIVERED = "delivered"
    #: Not every address took it, however often it was tried, or it is turned off by now.
    GIVEN_UP = "given_up"
    #: Found a day later.
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What people are told of the outcome of an event, once."""

    #: Unique, 32 hexadecimal digits.
    key: str
    #: Which notifier delivers it: unique, 32 hexadecimal digits.
    sender: str
    kind: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLetter:
    """A letter that is not settled, and a sign of life of its sender: the beat changes."""

    key: str
    #: None: its sender has ended.
    sender: str | None
    beat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """A process of the service."""

    worker: str
    host: str
    pid: int
    #: ingest, worker, api or all.
    role: str
    version: str
    started_at: datetime
    seen_at: datetime
