"""A schedule's mark names the event that was enqueued for it.

A drift check whose preview is under way meanwhile has none, and is never judged; the next one is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("schedule_marks") as marks:
        marks.add_column(sa.Column("event_id", sa.String(length=36), nullable=True))
        marks.create_foreign_key(
            "fk_schedule_marks_event_id_events", "events", ["event_id"], ["event_id"]
        )
    # Which checks have been judged was remembered under names of their own.
    op.execute("DELETE FROM schedule_marks WHERE name LIKE 'drift-check % judged'")
