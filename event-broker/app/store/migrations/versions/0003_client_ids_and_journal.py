"""Client ids and the run journal, for machines that share no disk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "client_ids",
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "purpose", name="pk_client_ids"),
        sa.UniqueConstraint("client_id", name="uq_client_ids_client_id"),
    )
    op.create_table(
        "journal",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.String(), nullable=False),
        sa.Column("ends_clean", sa.Boolean(), nullable=False),
        sa.CheckConstraint("seq >= 1", name="ck_journal_seq"),
        sa.PrimaryKeyConstraint("account_id", "seq", name="pk_journal"),
    )
