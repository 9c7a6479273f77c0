"""A store is for one trading mode."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "store_mode",
        sa.Column("singleton", sa.Boolean(), nullable=False),
        sa.Column("trading_mode", sa.String(), nullable=False),
        sa.CheckConstraint("singleton", name="ck_store_mode_singleton"),
        sa.PrimaryKeyConstraint("singleton", name="pk_store_mode"),
    )
