"""A run whose journal its parent keeps sends nothing that the parent has not acknowledged."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from app.account_process.journal_pipe import ANSWER_SECONDS, NotKept
from app.account_process.kept_journal import JournalUnavailable, KeptJournal
from app.account_process.messages import JournalAnswer, JournalRequest
from app.execution.leases import MARGIN_SECONDS
from app.store import LEASE
from broker_connector_base import OrderStatus
from rebalance_workflow import JournalError, RunJournal
from rebalance_workflow.journal import CashKnown, OrderIntent
from rebalance_workflow.testing import World, make_world
from rebalance_workflow.testing.journal_contract import FINISHED, STARTED, intent, outcome

if TYPE_CHECKING:
    from .conftest import Desk

#: Says what there is, which is nothing, then answers as often as it is told on its input.
PARENT = """\
import os, sys
pipe = int(sys.argv[1])
os.write(pipe, b'{}\\n')
print("ready", flush=True)
for _ in sys.stdin:
    os.read(pipe, 1 << 20)
    os.write(pipe, b'{}\\n')
"""


class Refuses:
    """A keeper that keeps so many appends and then says no."""

    def __init__(self, room: int, error: Exception) -> None:
        self.room = room
        self.error = error

    async def recent(self) -> tuple[str, ...]:
        return ()

    async def append(self, records: Sequence[str], *, ends_clean: bool) -> None:
        if self.room == 0:
            raise self.error
        self.room -= 1


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def a_world(journal: RunJournal) -> World:
    return make_world(
        cash=1_000,
        shares={"OLD": 50},
        quotes={"NEW": ("49.95", "50.05"), "OLD": ("19.90", "20.10")},
        weights={"NEW": "1"},
        journal=journal,
    )


async def stopped(journal: KeptJournal) -> JournalError:
    """The error that ends a run on this journal, of which no order may have been sent."""
    world = a_world(journal)
    with pytest.raises(JournalError) as caught:
        await world.run()
    assert world.sent() == []
    return caught.value


def test_an_answer_is_waited_for_for_less_than_a_lease() -> None:
    left = LEASE.total_seconds() - MARGIN_SECONDS - ANSWER_SECONDS
    assert left > 0.5


@pytest.mark.parametrize("room", [0, 1])
@pytest.mark.parametrize("passing", [True, False])
async def test_what_the_parent_does_not_keep_is_not_sent(
    desk: Desk, room: int, passing: bool
) -> None:
    keeper = Refuses(room, NotKept("the store is away", passing=passing))
    error = await stopped(desk.open("DU1", keeper))
    assert "the store is away" in str(error)
    assert isinstance(error, JournalUnavailable) == passing


async def test_a_fault_of_the_parent_is_told_and_nothing_is_sent(desk: Desk) -> None:
    error = await stopped(desk.open("DU1", Refuses(1, ZeroDivisionError("oops"))))
    assert "a fault in the program: ZeroDivisionError: oops" in str(error)
    assert not isinstance(error, JournalUnavailable)


async def test_after_an_answer_that_says_no_nothing_is_kept_any_more(desk: Desk) -> None:
    keeper = Refuses(0, NotKept("the store is away"))
    journal = desk.open("DU1", keeper)
    for _ in range(2):
        with pytest.raises(JournalError, match="the store is away"):
            journal.append(STARTED)
        keeper.room = 5
    assert keeper.room == 5
    assert journal.history("DU1") == []


def test_a_parent_that_has_said_no_listens_no_more(desk: Desk) -> None:
    """Whatever a process makes of its answer."""
    keeper = Refuses(0, NotKept("the store is away"))
    end = desk.pipe_to(keeper)
    end.settimeout(20)
    request = JournalRequest(records=("{}",)).model_dump_json().encode()
    with end, end.makefile("rb") as answers:
        end.sendall(request + b"\n")
        first, no = answers.readline(), answers.readline()
        keeper.room = 5
        with suppress(ConnectionError):
            end.sendall(request + b"\n")
            assert answers.readline() == b""
    assert JournalAnswer.model_validate_json(first).error is None
    assert JournalAnswer.model_validate_json(no).error == "the store is away"
    assert keeper.room == 5


async def test_a_run_that_has_sold_tells_so_when_its_buys_cannot_be_written_down(
    desk: Desk,
) -> None:
    world = a_world(desk.open("DU1", Refuses(3, NotKept("the store is away"))))
    result = await world.run()
    assert "the store is away" in str(result.error)
    assert [symbol for symbol, _ in world.sent()] == ["OLD"]


async def test_a_parent_that_never_answers_stops_the_run(
    desk: Desk, pair: tuple[socket.socket, socket.socket]
) -> None:
    error = await stopped(desk.at(pair[0], "DU1", 0.05))
    assert "has not answered within 0.05 s" in str(error)
    assert isinstance(error, JournalUnavailable)


def test_a_parent_that_does_not_even_listen_stops_the_run(
    desk: Desk, pair: tuple[socket.socket, socket.socket]
) -> None:
    pair[1].send(b"{}\n")
    journal = desk.at(pair[0], "DU1", 0.05)
    orders = [intent(f"S{number}") for number in range(5_000)]
    with pytest.raises(JournalUnavailable, match="has not answered"):
        journal.append(*orders)
    assert journal.unfinished("DU1") == []


def test_half_an_answer_is_none(desk: Desk, pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].send(b"{}\n{")
    journal = desk.at(pair[0], "DU1", 0.05)
    with pytest.raises(JournalUnavailable, match="has not answered"):
        journal.append(STARTED)


def test_a_parent_that_is_gone_stops_the_run(
    desk: Desk, pair: tuple[socket.socket, socket.socket]
) -> None:
    pair[1].close()
    with pytest.raises(JournalUnavailable, match="is gone"):
        desk.at(pair[0], "DU1").append(STARTED)


@contextmanager
def a_parent_process() -> Iterator[tuple[socket.socket, subprocess.Popen[str]]]:
    """A process that answers when it is told to, and our end of its pipe."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(theirs.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[theirs.fileno()],
        )
    with process, ours:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield ours, process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("answers", [0, 1])
async def test_a_parent_killed_or_stopped_before_its_answer_stops_the_run(
    desk: Desk, number: signal.Signals, answers: int
) -> None:
    with a_parent_process() as (end, process):
        journal = desk.at(end, "DU1", 0.2 if number is signal.SIGSTOP else 20)
        for _ in range(answers):
            assert process.stdin is not None
            process.stdin.write("answer\n")
            process.stdin.flush()
            journal.append(STARTED)
        process.send_signal(number)
        error = await stopped(journal)
    assert isinstance(error, JournalUnavailable)


# --- the account is somebody else's ---------------------------------------------------------------


async def test_a_run_whose_account_was_taken_over_sends_nothing(either_desk: Desk) -> None:
    desk = either_desk
    late = desk.open("DU1")
    late.append(STARTED)
    desk.open("DU1").append(STARTED)
    error = await stopped(late)
    assert "another worker may have it" in str(error)
    assert desk.open("DU1").history("DU1") == [STARTED, STARTED]


# --- a journal that this machine kept for itself --------------------------------------------------


def told_by_the_next(desk: Desk) -> list[OrderIntent]:
    return desk.open("DU1").unfinished("DU1")


CASH = CashKnown(run_id="r1", account_id="DU1", at=STARTED.at, cash=Decimal(9))


def test_a_journal_of_this_machine_alone_is_taken_over_once(either_desk: Desk) -> None:
    desk = either_desk
    desk.files.append(STARTED, intent("OLD"), outcome(intent("OLD"), OrderStatus.FILLED))
    desk.files.append(FINISHED.model_copy(update={"cash": CASH}))
    desk.files.append(STARTED, CASH, intent("AAA"), intent("BBB"))
    desk.files.append(outcome(intent("BBB"), OrderStatus.FILLED))
    recent = desk.files.recent("DU1")
    assert len(recent) == 6
    for _ in range(2):
        run = desk.open("DU1")
        assert run.recent("DU1") == recent
        assert run.unfinished("DU1") == [intent("AAA")]
        assert desk.files.history("DU1") == []


def test_of_a_file_that_others_have_gone_on_from_the_open_orders_count(either_desk: Desk) -> None:
    desk = either_desk
    desk.open("DU1").append(STARTED, CASH, intent("AAA"))
    desk.files.append(FINISHED, intent("AAA"), intent("BBB"), intent("CCC"))
    desk.files.append(outcome(intent("BBB"), OrderStatus.FILLED))
    assert told_by_the_next(desk) == [intent("AAA"), intent("CCC")]
    assert desk.open("DU1").recent("DU1") == [STARTED, CASH, intent("AAA"), intent("CCC")]


def test_a_take_over_that_was_cut_off_doubles_nothing(desk: Desk) -> None:
    desk.open("DU1").append(STARTED, intent("AAA"), outcome(intent("AAA"), OrderStatus.FILLED))
    desk.files.append(intent("AAA"))
    assert told_by_the_next(desk) == []


def test_a_file_that_left_nothing_open_is_put_away(desk: Desk) -> None:
    desk.files.append(STARTED, FINISHED)
    assert told_by_the_next(desk) == []
    assert desk.files.history("DU1") == []
    assert desk.open("DU1").recent("DU1") == [FINISHED]


def test_a_file_that_cannot_be_read_stops_the_run(desk: Desk) -> None:
    desk.files.append(STARTED)
    (desk.directory / "DU1.jsonl").write_text("nonsense\n")
    with pytest.raises(JournalError, match="damaged at line 1"):
        desk.open("DU1").append(STARTED)


def test_a_journal_is_of_one_account(desk: Desk) -> None:
    with pytest.raises(ValueError, match="of DU1, not of DU2"):
        desk.open("DU1").unfinished("DU2")


def test_a_record_that_nobody_understands_stops_the_run(desk: Desk) -> None:
    desk.store.journal.append(desk.claim("DU1"), 0, ['{"kind": "riddle"}'])
    with pytest.raises(JournalError, match="in the store is damaged"):
        desk.open("DU1").append(STARTED)
