"""An entry of the market-open list says itself when it fired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

#: Until now that was a schedule's mark, under this name and the account's.
_NAME = "'market-open ' || market_open_list.account_id"


def upgrade() -> None:
    op.add_column("market_open_list", sa.Column("fired_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE market_open_list SET fired_at = (SELECT mark.fired_at FROM schedule_marks AS mark"
        f" WHERE mark.name = {_NAME} AND mark.fired_at >= market_open_list.added_at)"
    )
    op.execute("DELETE FROM schedule_marks WHERE name LIKE 'market-open %'")
