"""The tables. The rules of the queue are constraints here and in `indexes`, not an `if` somewhere.

What changes here needs a migration in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
)

from app.events import EventState

_NO_CHARACTER = re.compile(r"[\0\ud800-\udfff]")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite has no time zones: there it is written without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A Decimal, digit for digit: as text, because SQLite would make it a float."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class AnyText(TypeDecorator[str]):
    """Text that others wrote: brokers, exceptions, publishers, people.

    No engine keeps half of a surrogate pair, and PostgreSQL no NUL. Neither may keep an outcome
    from being recorded, so a replacement character stands for each.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return _NO_CHARACTER.sub("\ufffd", value)


def _document(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


def _one_of(column: str, values: type[EventState]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def equals(column: ColumnElement[Any], value: StrEnum) -> ColumnElement[bool]:
    """The comparison with the value in the statement's text.

    As a parameter it could keep a prepared statement from using an index of these rows alone.
    """
    return column == literal_column(repr(str(value)))


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

events = Table(
    "events",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("account_id", String, nullable=False),
    Column("command", String, nullable=False),
    _document("payload", nullable=False),
    Column("source", String, nullable=False),
    Column("source_ref", AnyText),
    Column("state", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("not_before", UtcTime),
    # Until when it was held because its broker said closed; it stays when the event is claimed.
    Column("closed_until", UtcTime),
    Column("times_queued", Integer, nullable=False),
    Column("worker", String),
    Column("token", String(32)),
    # Seconds on the clock that `lease_clock` names: the database's, or one boot of this machine.
    Column("lease_until", Double),
    Column("lease_clock", String),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    _document("result"),
    Column("error", AnyText),
    Column("merged_into", String(36), ForeignKey("events.event_id")),
    Column("reason", AnyText),
    CheckConstraint(_one_of("state", EventState), name="state"),
    CheckConstraint(
        "(state = 'running') = (token IS NOT NULL AND lease_until IS NOT NULL"
        " AND lease_clock IS NOT NULL)",
        name="lease",
    ),
    CheckConstraint("state <> 'running' OR worker IS NOT NULL", name="worker"),
    CheckConstraint(
        "(state IN ('queued', 'running')) = (finished_at IS NULL)",
        name="finished",
    ),
    CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="merged"),
    CheckConstraint("times_queued >= 1", name="times_queued"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("event_id", String(36), ForeignKey("events.event_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("token", String(32), nullable=False, unique=True),
    Column("worker", String, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("outcome", String),
    _document("result"),
    Column("error", AnyText),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="outcome"),
)

messages = Table(
    "messages",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("channel", String, nullable=False),
    Column("message_id", AnyText, nullable=False),
    Column("timestamp", UtcTime, nullable=False),
    Column("serial", AnyText),
    Column("name", AnyText),
    Column("raw", AnyText, nullable=False),
    Column("origin", String, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("status", String, nullable=False),
    Column("detail", AnyText),
    Column("dispatched_at", UtcTime),
    UniqueConstraint("channel", "message_id"),
)

feeds = Table(
    "feeds",
    metadata,
    Column("channel", String, primary_key=True),
    Column("first_started_at", UtcTime),
    Column("continuous_until", UtcTime),
    Column("last_message_at", UtcTime),
    Column("dirty", Boolean, nullable=False),
    Column("history_permitted", Boolean),
    Column("observed_retention", Double),
)

feed_gaps = Table(
    "feed_gaps",
    metadata,
    Column("gap_id", Integer, primary_key=True),
    Column("channel", String, nullable=False),
    Column("begins_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Column("acknowledged_at", UtcTime),
    Column("acknowledged_by", AnyText),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("event_id", String(36), ForeignKey("events.event_id")),
    Column("account_id", String, nullable=False),
    Column("command", String, nullable=False),
    Column("trading_mode", String, nullable=False),
    Column("session_date", Date),
    Column("status", AnyText, nullable=False),
    Column("orders_sent", Boolean, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("message", AnyText),
    _document("result"),
)

orders = Table(
    "orders",
    metadata,
    Column("run_id", String, ForeignKey("runs.run_id"), primary_key=True),
    Column("order_ref", AnyText, primary_key=True),
    Column("order_id", AnyText),
    Column("symbol", AnyText, nullable=False),
    Column("side", AnyText, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("order_type", AnyText, nullable=False),
    Column("limit_price", ExactDecimal),
    Column("status", AnyText, nullable=False),
    Column("filled_quantity", ExactDecimal, nullable=False),
    Column("average_price", ExactDecimal),
    Column("message", AnyText),
)

fills = Table(
    "fills",
    metadata,
    Column("run_id", String, ForeignKey("runs.run_id"), primary_key=True),
    Column("execution_id", AnyText, primary_key=True),
    Column("order_ref", AnyText, nullable=False),
    Column("symbol", AnyText, nullable=False),
    Column("side", AnyText, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("price", ExactDecimal, nullable=False),
    Column("commission", ExactDecimal),
    Column("executed_at", UtcTime),
)

previews = Table(
    "previews",
    metadata,
    Column("preview_id", Integer, primary_key=True),
    Column("event_id", String(36), ForeignKey("events.event_id")),
    Column("account_id", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    _document("result", nullable=False),
)

#: The row of `EVERY_ACCOUNT` pauses all of them.
pauses = Table(
    "pauses",
    metadata,
    Column("account_id", String, primary_key=True),
    Column("paused_at", UtcTime, nullable=False),
    Column("paused_by", AnyText, nullable=False),
    Column("reason", AnyText),
)
EVERY_ACCOUNT = "*"

#: At most one row: live trading is armed until then.
arming = Table(
    "arming",
    metadata,
    Column("singleton", Boolean, primary_key=True),
    Column("armed_at", UtcTime, nullable=False),
    Column("armed_until", UtcTime, nullable=False),
    Column("armed_by", AnyText, nullable=False),
    CheckConstraint("singleton", name="singleton"),
)

market_open_list = Table(
    "market_open_list",
    metadata,
    Column("account_id", String, primary_key=True),
    Column("added_at", UtcTime, nullable=False),
    Column("added_by", AnyText, nullable=False),
    Column("reason", AnyText),
    # The latest due time that it was rebalanced for; an entry that has none still waits.
    Column("fired_at", UtcTime),
)

schedule_marks = Table(
    "schedule_marks",
    metadata,
    Column("name", String, primary_key=True),
    Column("fired_at", UtcTime, nullable=False),
    # What was enqueued for that time, until somebody has looked at what came of it.
    Column("event_id", String(36), ForeignKey("events.event_id")),
)

#: One row: the trading mode that the store is for. Events do not say where their orders go.
store_mode = Table(
    "store_mode",
    metadata,
    Column("singleton", Boolean, primary_key=True),
    Column("trading_mode", String, nullable=False),
    CheckConstraint("singleton", name="singleton"),
)

#: Ids of sessions at a gateway: one for each holder and purpose, given once and kept for good.
client_ids = Table(
    "client_ids",
    metadata,
    # An account's id, or the name of something else that has sessions of its own.
    Column("holder", String, primary_key=True),
    Column("purpose", String, primary_key=True),
    Column("client_id", Integer, nullable=False, unique=True),
)

#: What runs write down before and after they touch the broker, in the order of each account.
journal = Table(
    "journal",
    metadata,
    Column("account_id", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    # Of the claim, and so of the attempt, that it was written under.
    Column("token", String(32), nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    # JSON, word for word.
    Column("record", String, nullable=False),
    # The end of a run that left nothing open: no later run reads what is before it.
    Column("ends_clean", Boolean, nullable=False),
    CheckConstraint("seq >= 1", name="seq"),
)

#: What people are told of outcomes, written together with them. Settled ones are kept.
outbox = Table(
    "outbox",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("event_id", String(36), ForeignKey("events.event_id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("title", AnyText, nullable=False),
    Column("body", AnyText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # None: anybody may take it. Otherwise whoever has it changes the beat until it is settled.
    Column("sender", String(32)),
    Column("beat", BigInteger, nullable=False),
    Column("outcome", String),
    Column("settled_at", UtcTime),
    CheckConstraint("outcome IN ('delivered', 'given_up', 'expired')", name="outcome"),
    CheckConstraint("(outcome IS NULL) = (settled_at IS NULL)", name="settled"),
)

workers = Table(
    "workers",
    metadata,
    Column("worker", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("role", String, nullable=False),
    Column("version", String, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)
