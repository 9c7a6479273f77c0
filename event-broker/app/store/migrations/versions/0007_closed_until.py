"""An event remembers until when it was held because its broker said that the market is closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("events", sa.Column("closed_until", sa.DateTime(timezone=True)))
