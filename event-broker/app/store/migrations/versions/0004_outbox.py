"""What people are told of outcomes, until it is delivered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=True),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('delivered', 'given_up', 'expired')", name="ck_outbox_outcome"
        ),
        sa.CheckConstraint("(outcome IS NULL) = (settled_at IS NULL)", name="ck_outbox_settled"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.event_id"], name="fk_outbox_event_id_events"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_outbox"),
    )
    pending = sa.text("outcome IS NULL")
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["created_at"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
