"""The indexes. The unique ones are the queue's rules, so that no program can break them.

Apart from the tables because only migrations need them, and because an index with a condition loads
both dialects of SQLAlchemy.
"""

from __future__ import annotations

from sqlalchemy import Index, text

from app.store.schema import events, messages, metadata, outbox, previews, runs

__all__ = ["metadata"]  # the tables together with these indexes

_waiting, _running = text("state = 'queued'"), text("state = 'running'")
#: One waiting event per account and command: an arrival merges into it.
Index(
    "uq_events_waiting",
    events.c.account_id,
    events.c.command,
    unique=True,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
#: One run per account.
Index(
    "uq_events_running",
    events.c.account_id,
    unique=True,
    sqlite_where=_running,
    postgresql_where=_running,
)
#: The order of claims. Not (not_before, seq): that would sort the queue for every claim.
Index("ix_events_queue", events.c.seq, sqlite_where=_waiting, postgresql_where=_waiting)
#: The next place in the queue (SQLite), and lists of the newest events.
Index("ix_events_seq", events.c.seq)
Index("ix_events_merged_into", events.c.merged_into)


_undispatched = text("status = 'received'")
Index(
    "ix_messages_undispatched",
    messages.c.timestamp,
    sqlite_where=_undispatched,
    postgresql_where=_undispatched,
)


Index("ix_runs_account", runs.c.account_id, runs.c.started_at)
Index("ix_runs_session", runs.c.account_id, runs.c.session_date)
Index("ix_runs_started", runs.c.started_at)
Index("ix_runs_event", runs.c.event_id)
Index("ix_previews_account", previews.c.account_id, previews.c.preview_id)
Index("ix_previews_event", previews.c.event_id)


_pending = text("outcome IS NULL")
Index("ix_outbox_pending", outbox.c.created_at, sqlite_where=_pending, postgresql_where=_pending)
