"""Both journals: what is durable, what a crash leaves behind, and what is still open."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from broker_connector_base import OrderStatus, RunStatus
from rebalance_workflow import FileJournal, JournalError, MemoryJournal
from rebalance_workflow.testing import make_world
from rebalance_workflow.testing.journal_contract import (
    FINISHED,
    STARTED,
    JournalContract,
    OpenJournal,
    intent,
    outcome,
)


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def open_journal(self) -> OpenJournal:
        journal = MemoryJournal()
        return lambda: journal


class TestFileJournalLikeEveryOther(JournalContract):
    @pytest.fixture
    def open_journal(self, tmp_path: Path) -> OpenJournal:
        return lambda: FileJournal(tmp_path / "journal")


class TestFileJournal:
    def test_another_process_reads_what_was_written(self, tmp_path: Path) -> None:
        FileJournal(tmp_path).append(STARTED, intent("AAA"))
        assert FileJournal(tmp_path).unfinished("DU1") == [intent("AAA")]
        assert len((tmp_path / "DU1.jsonl").read_text().splitlines()) == 2

    def test_the_names_of_new_files_and_folders_are_made_durable(self, tmp_path: Path) -> None:
        synced: list[Path] = []
        journal = FileJournal(tmp_path / "state" / "journal", sync_directory=synced.append)
        journal.append(STARTED)
        journal.append(FINISHED)
        assert synced == [tmp_path / "state" / "journal", tmp_path / "state", tmp_path]

    def test_a_name_that_a_dead_process_may_not_have_synced_is_synced_by_the_next(
        self, tmp_path: Path
    ) -> None:
        def die(folder: Path) -> None:
            raise KeyboardInterrupt

        synced: list[Path] = []
        with pytest.raises(KeyboardInterrupt):
            FileJournal(tmp_path, sync_directory=die).append(STARTED)
        assert FileJournal(tmp_path).history("DU1") == []
        FileJournal(tmp_path, sync_directory=synced.append).append(STARTED)
        assert synced == [tmp_path]

    @pytest.mark.parametrize("kept", [0, 1, 20, -1])
    def test_a_line_torn_by_a_crash_is_ignored_and_then_overwritten(
        self, tmp_path: Path, kept: int
    ) -> None:
        journal, path = FileJournal(tmp_path), tmp_path / "DU1.jsonl"
        journal.append(STARTED)
        whole = path.read_bytes()
        path.write_bytes(whole + whole[:kept])
        assert journal.history("DU1") == [STARTED]
        journal.append(FINISHED)
        assert journal.history("DU1") == [STARTED, FINISHED]

    def test_a_first_line_torn_by_a_crash_leaves_an_empty_journal(self, tmp_path: Path) -> None:
        path = tmp_path / "DU1.jsonl"
        path.write_bytes(b"x" * 10_000)
        journal = FileJournal(tmp_path)
        assert journal.history("DU1") == []
        journal.append(STARTED)
        assert journal.history("DU1") == [STARTED]

    def test_damage_in_the_middle_stops_with_its_line(self, tmp_path: Path) -> None:
        journal, path = FileJournal(tmp_path), tmp_path / "DU1.jsonl"
        journal.append(STARTED, FINISHED)
        path.write_bytes(path.read_bytes().replace(b"run started", b"run stirred"))
        with pytest.raises(JournalError, match="damaged at line 1"):
            journal.history("DU1")

    def test_what_was_before_a_run_that_left_nothing_open_is_not_read_again(
        self, tmp_path: Path
    ) -> None:
        journal, path = FileJournal(tmp_path), tmp_path / "DU1.jsonl"
        path.write_bytes(b"an old line that nobody understands\n")
        journal.append(FINISHED, intent("AAA"))
        assert journal.unfinished("DU1") == [intent("AAA")]

    def test_a_run_that_left_an_order_open_is_looked_behind(self, tmp_path: Path) -> None:
        journal = FileJournal(tmp_path)
        journal.append(FINISHED, intent("AAA"), FINISHED.model_copy(update={"open_orders": 1}))
        assert journal.unfinished("DU1") == [intent("AAA")]

    def test_a_full_disk_is_an_error_and_nothing_is_kept(self, tmp_path: Path) -> None:
        os.symlink("/dev/full", tmp_path / "DU1.jsonl")
        with pytest.raises(JournalError, match="no order is sent without it"):
            FileJournal(tmp_path).append(STARTED)

    def test_a_directory_that_cannot_be_written_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(JournalError):
            FileJournal(tmp_path / "file").append(STARTED)

    def test_a_file_that_cannot_be_read_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "DU1.jsonl").mkdir()
        with pytest.raises(JournalError, match="cannot be read"):
            FileJournal(tmp_path).history("DU1")

    def test_a_journal_that_was_put_away_is_kept_under_another_name(self, tmp_path: Path) -> None:
        synced: list[Path] = []
        journal = FileJournal(tmp_path, sync_directory=synced.append)
        for _ in range(2):
            journal.append(STARTED, intent("AAA"))
            journal.put_away("DU1")
            assert journal.history("DU1") == []
        journal.put_away("DU1")
        first, second = tmp_path.iterdir()
        assert first.read_bytes() == second.read_bytes() != b""
        assert synced == [tmp_path] * 4

    def test_a_journal_that_cannot_be_put_away_is_an_error(self, tmp_path: Path) -> None:
        def refuse(folder: Path) -> None:
            raise PermissionError(13, "Permission denied")

        FileJournal(tmp_path).append(STARTED)
        with pytest.raises(JournalError, match="cannot be moved away"):
            FileJournal(tmp_path, sync_directory=refuse).put_away("DU1")

    def test_an_account_id_cannot_leave_the_directory(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="cannot name a file"):
            FileJournal(tmp_path).history("../DU1")


class FillsUp(MemoryJournal):
    """A disk that takes so many appends and then is full."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def append(self, *records: object) -> None:
        if self.room == 0:
            raise JournalError("no space left")
        self.room -= 1
        super().append(*records)  # type: ignore[arg-type]


SWITCH = {
    "cash": 1_000,
    "shares": {"OLD": 50},
    "quotes": {"NEW": ("49.95", "50.05"), "OLD": ("19.90", "20.10")},
    "weights": {"NEW": "1"},
}


class TestRunsOnAFullDisk:
    @pytest.mark.parametrize("room", [0, 1])
    async def test_a_run_stops_before_its_first_order(self, room: int) -> None:
        world = make_world(**SWITCH, journal=FillsUp(room))  # type: ignore[arg-type]
        with pytest.raises(JournalError):
            await world.run()
        assert world.sent() == []

    @pytest.mark.parametrize("room", [2, 3])
    async def test_a_run_stops_before_its_buys_and_tells_what_it_sold(self, room: int) -> None:
        world = make_world(**SWITCH, journal=FillsUp(room))  # type: ignore[arg-type]
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert "no space left; traded before that: -50 OLD" in str(result.error)
        assert world.sent() == [("OLD", Decimal(-50))]

    async def test_a_run_that_cannot_write_its_end_says_so(self) -> None:
        world = make_world(**SWITCH, journal=FillsUp(5))  # type: ignore[arg-type]
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert "no space left" in result.warnings


def test_an_order_that_filled_and_whose_shares_were_not_told_is_not_settled() -> None:
    untold = outcome(intent("AAA"), OrderStatus.FILLED, booked=False)
    assert not untold.settles
    assert outcome(intent("AAA"), OrderStatus.CANCELLED, booked=False).settles
