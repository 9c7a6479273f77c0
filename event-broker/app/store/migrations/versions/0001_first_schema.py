"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("events_seq")))
    _create_queue()
    _create_feeds()
    _create_runs()
    _create_controls()


def _create_queue() -> None:
    op.create_table(
        "events",
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_ref", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("not_before", _TIME),
        sa.Column("times_queued", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String()),
        sa.Column("token", sa.String(length=32)),
        sa.Column("lease_until", sa.Double()),
        sa.Column("lease_clock", sa.String()),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("result", sa.JSON()),
        sa.Column("error", sa.String()),
        sa.Column("merged_into", sa.String(length=36)),
        sa.Column("reason", sa.String()),
        sa.CheckConstraint(
            "(state = 'merged') = (merged_into IS NOT NULL)", name="ck_events_merged"
        ),
        sa.CheckConstraint(
            "(state = 'running') = (token IS NOT NULL AND lease_until IS NOT NULL"
            " AND lease_clock IS NOT NULL)",
            name="ck_events_lease",
        ),
        sa.CheckConstraint(
            "(state IN ('queued', 'running')) = (finished_at IS NULL)", name="ck_events_finished"
        ),
        sa.CheckConstraint("state <> 'running' OR worker IS NOT NULL", name="ck_events_worker"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'merged', 'needs_attention', 'cancelled')",
            name="ck_events_state",
        ),
        sa.CheckConstraint("times_queued >= 1", name="ck_events_times_queued"),
        sa.ForeignKeyConstraint(["merged_into"], ["events.event_id"], name="fk_events_merged_into"),
        sa.PrimaryKeyConstraint("event_id", name="pk_events"),
    )
    op.create_index("ix_events_merged_into", "events", ["merged_into"])
    op.create_index(
        "ix_events_queue",
        "events",
        ["seq"],
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_events_seq", "events", ["seq"])
    op.create_index(
        "uq_events_running",
        "events",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "uq_events_waiting",
        "events",
        ["account_id", "command"],
        unique=True,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_table(
        "attempts",
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME),
        sa.Column("outcome", sa.String()),
        sa.Column("result", sa.JSON()),
        sa.Column("error", sa.String()),
        sa.CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="ck_attempts_outcome"),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name="fk_attempts_event_id"),
        sa.PrimaryKeyConstraint("event_id", "number", name="pk_attempts"),
        sa.UniqueConstraint("token", name="uq_attempts_token"),
    )


def _create_feeds() -> None:
    op.create_table(
        "messages",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("timestamp", _TIME, nullable=False),
        sa.Column("serial", sa.String()),
        sa.Column("name", sa.String()),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("detail", sa.String()),
        sa.Column("dispatched_at", _TIME),
        sa.PrimaryKeyConstraint("number", name="pk_messages"),
        sa.UniqueConstraint("channel", "message_id", name="uq_messages_channel_message_id"),
    )
    op.create_index(
        "ix_messages_undispatched",
        "messages",
        ["timestamp"],
        sqlite_where=sa.text("status = 'received'"),
        postgresql_where=sa.text("status = 'received'"),
    )
    op.create_table(
        "feeds",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("first_started_at", _TIME),
        sa.Column("continuous_until", _TIME),
        sa.Column("last_message_at", _TIME),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.Column("history_permitted", sa.Boolean()),
        sa.Column("observed_retention", sa.Double()),
        sa.PrimaryKeyConstraint("channel", name="pk_feeds"),
    )
    op.create_table(
        "feed_gaps",
        sa.Column("gap_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("begins_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("acknowledged_at", _TIME),
        sa.Column("acknowledged_by", sa.String()),
        sa.PrimaryKeyConstraint("gap_id", name="pk_feed_gaps"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(length=36)),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("trading_mode", sa.String(), nullable=False),
        sa.Column("session_date", sa.Date()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("orders_sent", sa.Boolean(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME),
        sa.Column("message", sa.String()),
        sa.Column("result", sa.JSON()),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name="fk_runs_event_id"),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_account", "runs", ["account_id", "started_at"])
    op.create_index("ix_runs_event", "runs", ["event_id"])
    op.create_index("ix_runs_session", "runs", ["account_id", "session_date"])
    op.create_index("ix_runs_started", "runs", ["started_at"])
    op.create_table(
        "orders",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("order_ref", sa.String(), nullable=False),
        sa.Column("order_id", sa.String()),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("order_type", sa.String(), nullable=False),
        sa.Column("limit_price", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("filled_quantity", sa.String(), nullable=False),
        sa.Column("average_price", sa.String()),
        sa.Column("message", sa.String()),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_orders_run_id"),
        sa.PrimaryKeyConstraint("run_id", "order_ref", name="pk_orders"),
    )
    op.create_table(
        "fills",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("execution_id", sa.String(), nullable=False),
        sa.Column("order_ref", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("price", sa.String(), nullable=False),
        sa.Column("commission", sa.String()),
        sa.Column("executed_at", _TIME),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_fills_run_id"),
        sa.PrimaryKeyConstraint("run_id", "execution_id", name="pk_fills"),
    )
    op.create_table(
        "previews",
        sa.Column("preview_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(length=36)),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name="fk_previews_event_id"),
        sa.PrimaryKeyConstraint("preview_id", name="pk_previews"),
    )
    op.create_index("ix_previews_account", "previews", ["account_id", "preview_id"])
    op.create_index("ix_previews_event", "previews", ["event_id"])


def _create_controls() -> None:
    op.create_table(
        "pauses",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("paused_at", _TIME, nullable=False),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.PrimaryKeyConstraint("account_id", name="pk_pauses"),
    )
    op.create_table(
        "arming",
        sa.Column("singleton", sa.Boolean(), nullable=False),
        sa.Column("armed_at", _TIME, nullable=False),
        sa.Column("armed_until", _TIME, nullable=False),
        sa.Column("armed_by", sa.String(), nullable=False),
        sa.CheckConstraint("singleton", name="ck_arming_singleton"),
        sa.PrimaryKeyConstraint("singleton", name="pk_arming"),
    )
    op.create_table(
        "market_open_list",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.PrimaryKeyConstraint("account_id", name="pk_market_open_list"),
    )
    op.create_table(
        "schedule_marks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("fired_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_schedule_marks"),
    )
    op.create_table(
        "workers",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_workers"),
    )
