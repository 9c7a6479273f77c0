"""The schema's history: one Alembic revision a step, applied when a store is opened."""

#: Every revision, oldest first; a store with another one was written by a newer program.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
