"""The journal in a store does what every journal does, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rebalance_workflow import RunJournal
from rebalance_workflow.journal import OrderIntent, Record
from rebalance_workflow.testing.journal_contract import JournalContract, OpenJournal

if TYPE_CHECKING:
    from app.account_process.kept_journal import KeptJournal

    from .conftest import Desk


class EveryAccount:
    """One run's journal of whatever account it is asked for: a kept one is of one account."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._journals: dict[str, KeptJournal] = {}

    def append(self, *records: Record) -> None:
        if records:
            self._of(records[0].account_id).append(*records)

    def history(self, account_id: str) -> list[Record]:
        return self._of(account_id).history(account_id)

    def recent(self, account_id: str) -> list[Record]:
        return self._of(account_id).recent(account_id)

    def unfinished(self, account_id: str) -> list[OrderIntent]:
        return self._of(account_id).unfinished(account_id)

    def _of(self, account_id: str) -> KeptJournal:
        if account_id not in self._journals:
            self._journals[account_id] = self._desk.open(account_id)
        return self._journals[account_id]


class TestStoreJournal(JournalContract):
    @pytest.fixture
    def open_journal(self, either_desk: Desk) -> OpenJournal:
        def open_journal() -> RunJournal:
            return EveryAccount(either_desk)

        return open_journal
