"""What can go wrong with the store, split by what the caller does next."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used as it is."""


class StoreUnavailable(StoreError):
    """The database cannot be used now. Try again: the store reconnects by itself.

    `recorded` is False when nothing was written, and None when the connection broke during the
    commit, so that nobody knows. Every operation may be repeated then: an arrival merges into
    itself, an outcome that was already recorded under the same claim is accepted again.
    """

    def __init__(self, message: str, *, recorded: bool | None = False) -> None:
        known = "nothing was recorded" if recorded is False else "it is not known what was recorded"
        super().__init__(f"{message}; {known}")
        self.recorded = recorded


class StoreDamaged(StoreError):
    """The file is not a database, or is damaged. It is left as it is; a person must look."""


class StoreTooNew(StoreError):
    """A newer program wrote the store; this one does not touch it."""
