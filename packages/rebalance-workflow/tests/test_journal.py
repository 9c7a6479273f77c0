"""Both journals: what is durable, what a crash leaves behind, and what is still open."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from broker_connector_base import OrderStatus, RunStatus
from rebalance_workflow import FileJournal, JournalError, MemoryJournal, RunJournal
from rebalance_workflow.journal import (
    OrderIntent,
    OrderOutcome,
    Phase,
    RunFinished,
    RunStarted,
)
from rebalance_workflow.testing import make_world

AT = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
STARTED = RunStarted(run_id="r1", account_id="DU1", at=AT, strategy="blend")
FINISHED = RunFinished(run_id="r1", account_id="DU1", at=AT, status=RunStatus.DONE, open_orders=0)


def intent(symbol: str, account_id: str = "DU1") -> OrderIntent:
    return OrderIntent(
        run_id="r1",
        account_id=account_id,
        at=AT,
        client_order_id=f"rb:r1:{account_id}:{symbol}:B:1",
        symbol=symbol,
        quantity=Decimal(7),
        held_before=Decimal(0),
        order_type="LIMIT",
        limit_price=Decimal("10.05"),
        time_in_force="DAY",
        phase=Phase.BUY,
        round=1,
    )


def outcome(
    of: OrderIntent, status: OrderStatus, *, filled: int = 0, booked: bool = True
) -> OrderOutcome:
    return OrderOutcome(
        run_id=of.run_id,
        account_id=of.account_id,
        at=AT,
        client_order_id=of.client_order_id,
        status=status,
        filled_quantity=filled,
        booked=booked,
    )


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> RunJournal:
    return FileJournal(tmp_path / "journal") if request.param == "file" else MemoryJournal()


class TestEveryJournal:
    def test_records_come_back_in_order_and_per_account(self, journal: RunJournal) -> None:
        ours, others = intent("AAA"), intent("BBB", account_id="DU2")
        journal.append(STARTED)
        journal.append(others)
        journal.append(ours, outcome(ours, OrderStatus.FILLED), FINISHED)
        assert journal.history("DU1") == [
            STARTED,
            ours,
            outcome(ours, OrderStatus.FILLED),
            FINISHED,
        ]
        assert journal.history("DU2") == [others]
        assert journal.history("DU3") == []

    @pytest.mark.parametrize(
        ("status", "is_open"),
        [
            (None, True),
            (OrderStatus.PENDING, True),
            (OrderStatus.WORKING, True),
            (OrderStatus.CANCELLING, True),
            (OrderStatus.UNKNOWN, True),
            (OrderStatus.FILLED, False),
            (OrderStatus.CANCELLED, False),
            (OrderStatus.REJECTED, False),
            (OrderStatus.EXPIRED, False),
            (OrderStatus.NOT_FOUND, False),
        ],
    )
    def test_an_intent_is_open_until_an_outcome_settles_it(
        self, journal: RunJournal, status: OrderStatus | None, is_open: bool
    ) -> None:
        journal.append(STARTED, intent("AAA"), intent("BBB"))
        journal.append(outcome(intent("BBB"), OrderStatus.FILLED))
        if status is not None:
            journal.append(outcome(intent("AAA"), status))
        assert journal.unfinished("DU1") == ([intent("AAA")] if is_open else [])

    def test_an_order_that_filled_is_open_until_the_account_has_shown_it(
        self, journal: RunJournal
    ) -> None:
        journal.append(intent("AAA"))
        journal.append(outcome(intent("AAA"), OrderStatus.CANCELLED, filled=3, booked=False))
        assert journal.unfinished("DU1") == [intent("AAA")]
        journal.append(outcome(intent("AAA"), OrderStatus.CANCELLED, filled=3))
        assert journal.unfinished("DU1") == []

    def test_appending_nothing_changes_nothing(self, journal: RunJournal) -> None:
        journal.append()
        assert journal.history("DU1") == []


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
