"""`pause`, `resume`, `arm`, `disarm`, `attention`: what is switched is what the store says."""

from __future__ import annotations

import getpass
import json
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import interruption
from app.cli import parse
from app.commands.outcome import CommandFailed, ExitCode
from app.commands.run import run as run_command
from app.events import Command, EventSource, EventState, NewEvent
from app.store import Store, open_store

#: Nobody listens there; nothing of this connects anywhere.
LIVE = {"TRADING_MODE": "live", "ALLOCATIONS_BASE_URL": "http://127.0.0.1:1"}

Run = Callable[..., dict[str, Any]]
Show = Callable[..., tuple[int, str]]


@pytest.fixture
def show(home: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Show]:
    """Exit code and standard output of a command line, in the simulation unless variables say so.

    A command that ends lets no signal disturb it, and this process goes on.
    """
    handlers = {number: signal.getsignal(number) for number in interruption.SIGNALS}

    def command(*words: str, **variables: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run_command(parse(words), {"REBALANCER_HOME": str(home), **variables})
        return code, capsys.readouterr().out

    yield command
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def run(show: Show) -> Run:
    """The document of a command line."""

    def command(*words: str, **variables: str) -> dict[str, Any]:
        code, output = show(*words, "--json", **variables)
        document: dict[str, Any] = json.loads(output)
        assert document["exit_code"] == code
        return document

    return command


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{home / 'data/simulation/events.db'}", mode="simulation") as store:
        yield store


def parked(store: Store, account_id: str = "DU100", error: str = "an order is in doubt") -> str:
    """The id of an event that waits for a person."""
    store.events.enqueue(
        NewEvent(account_id=account_id, command=Command.REBALANCE, source=EventSource.API)
    )
    claim = store.events.claim("w1")
    assert claim is not None
    return store.events.park(claim, error, {"status": "failed"}).event_id


class TestPause:
    def test_an_account_is_paused_and_resumed(self, run: Run, store: Store) -> None:
        document = run("pause", "-account", "DU100", "--reason", "tax season")
        assert document["account_id"] == "DU100"
        (pause,) = store.controls.paused()
        assert (pause.account_id, pause.paused_by, pause.reason) == (
            "DU100",
            getpass.getuser(),
            "tax season",
        )
        (listed,) = document["result"]["pauses"]
        assert (listed["account_id"], listed["reason"]) == ("DU100", "tax season")

        assert run("resume", "-account", "DU100")["result"] == {
            "changed": True,
            "message": "DU100 is resumed",
            "pauses": [],
        }
        assert store.controls.paused() == ()
        again = run("resume", "-account", "DU100")
        assert (again["exit_code"], again["result"]["changed"]) == (0, False)

    def test_the_pause_of_all_is_one_of_its_own(self, run: Run, store: Store) -> None:
        run("pause")
        run("pause", "-account", "DU100")
        assert store.controls.is_paused("anything")
        run("resume")
        assert [pause.account_id for pause in store.controls.paused()] == ["DU100"]

    @pytest.mark.parametrize("account_id", ["DU999", "DU200", "U300", "../DU100"])
    def test_an_account_that_is_not_processed_cannot_be_paused_by_mistake(
        self, run: Run, store: Store, account_id: str
    ) -> None:
        document = run("pause", "-account", account_id)
        assert document["exit_code"] == ExitCode.BAD_INPUT
        assert "Nothing was changed" in document["error"]["message"]
        assert store.controls.paused() == ()

    @pytest.mark.parametrize("reason", ["two\nlines", "x" * 501, "half \udc80 a character"])
    def test_a_reason_is_a_line_that_every_store_keeps(
        self, run: Run, store: Store, reason: str
    ) -> None:
        assert run("pause", "--reason", reason)["exit_code"] == ExitCode.BAD_INPUT
        assert run("schedule", "add", "DU100", "--reason", reason)["exit_code"] == 2
        assert store.controls.paused() == ()
        assert store.market_open.list() == ()

    def test_people_see_what_is_paused(self, show: Show) -> None:
        show("pause", "-account", "DU100", "--reason", "[tax] season")
        code, shown = show("pause")
        assert code == 0
        assert shown.startswith("All accounts are paused.\n")
        assert "[tax] season" in shown
        show("resume")
        assert show("resume", "-account", "DU100") == (0, "DU100 is resumed.\nNothing is paused.\n")

    def test_an_id_is_shown_as_it_is_written(self, show: Show, home: Path) -> None:
        (home / "accounts.yaml").write_text(
            "accounts: [{account_id: du100, type: paper, strategy_name: alpha}]"
        )
        _, shown = show("pause", "-account", "du100")
        assert shown.startswith("du100 is paused.\n")
        show("resume", "-account", "du100")
        again = show("resume", "-account", "du100")
        assert again == (0, "du100 has no pause of its own.\nNothing is paused.\n")

    def test_no_pause_of_all_says_nothing_of_single_accounts(self, show: Show) -> None:
        show("pause", "-account", "DU100")
        code, shown = show("resume")
        assert code == 0
        assert shown.startswith("There is no pause of all accounts.\n")

    @pytest.mark.parametrize("account_id", ["DU999", "DU200", "U300"])
    def test_an_account_that_is_not_processed_cannot_be_resumed_by_mistake(
        self, run: Run, account_id: str
    ) -> None:
        document = run("resume", "-account", account_id)
        assert document["exit_code"] == ExitCode.BAD_INPUT
        assert "Nothing was changed" in document["error"]["message"]

    def test_the_pause_of_an_account_that_left_can_be_ended(self, run: Run, store: Store) -> None:
        store.controls.pause("DU999", "somebody", None)
        assert run("resume", "-account", "DU999")["result"]["changed"]
        assert store.controls.paused() == ()

    def test_no_gateway_is_asked_and_nothing_is_started(self, run: Run, home: Path) -> None:
        run("pause", "-account", "DU100")
        assert sorted(path.name for path in (home / "data").iterdir()) == ["simulation"]


class TestArming:
    def test_arming_has_an_end(self, run: Run, home: Path) -> None:
        before = datetime.now(UTC)
        result = run("arm", "--minutes", "60", **LIVE)["result"]
        assert (result["armed"], result["trading_mode"]) == (True, "live")
        with open_store(f"sqlite:///{home / 'data/live/events.db'}", mode="live") as store:
            arming = store.controls.arming()
            assert arming is not None
            assert arming.armed_by == result["armed_by"] == getpass.getuser()
            hour = timedelta(minutes=60)
            assert before + hour <= arming.armed_until <= datetime.now(UTC) + hour
            assert run("disarm", **LIVE)["result"] == {
                "trading_mode": "live",
                "armed": False,
                "armed_until": None,
                "armed_by": None,
            }
            assert store.controls.arming() is None

    def test_people_see_until_when(self, show: Show) -> None:
        code, output = show("arm", "--minutes", "1", **LIVE)
        assert code == 0
        shown = " ".join(output.split())
        assert shown.startswith("Live orders are allowed until 20")
        assert f"UTC, armed by {getpass.getuser()}" in shown
        code, output = show("disarm", **LIVE)
        assert code == 0
        assert "not armed" in output

    @pytest.mark.parametrize("minutes", ["0", "-1", "10081"])
    def test_nobody_arms_without_an_end(self, run: Run, home: Path, minutes: str) -> None:
        assert run("arm", f"--minutes={minutes}", **LIVE)["exit_code"] == ExitCode.BAD_INPUT
        assert not (home / "data").exists()

    def test_paper_money_needs_no_arming(self, run: Run, store: Store) -> None:
        document = run("arm", "--minutes", "60")
        assert document["exit_code"] == ExitCode.BAD_INPUT
        assert document["error"] == {
            "kind": "Refused",
            "message": "TRADING_MODE is simulation: there is nothing to arm. Nothing was changed",
        }
        assert store.controls.arming() is None


class TestAttention:
    def test_what_waits_is_listed_with_its_reason(self, run: Run, show: Show, store: Store) -> None:
        assert run("attention")["result"] == run("attention", "list")["result"]
        event_id = parked(store)
        result = run("attention")["result"]
        (event,) = result["events"]
        assert (event["event_id"], event["account_id"]) == (event_id, "DU100")
        assert (event["error"], event["result"]) == ("an order is in doubt", {"status": "failed"})
        code, shown = show("attention")
        assert code == 0
        assert event_id in shown
        assert "an order is in doubt" in shown

    def test_one_is_tried_again(self, run: Run, store: Store) -> None:
        event_id = parked(store)
        document = run("attention", "retry", event_id)
        assert document["result"] == {
            "message": f"Event {event_id} was queued again",
            "event_id": event_id,
            "incomplete": False,
            "events": [],
        }
        event = store.events.get(event_id)
        assert event.state is EventState.QUEUED
        assert event.reason == f"tried again by {getpass.getuser()} at the command line"

    def test_a_retry_that_meets_its_twin_says_where_it_went(self, run: Run, store: Store) -> None:
        event_id = parked(store)
        twin = store.events.enqueue(
            NewEvent(account_id="DU100", command=Command.REBALANCE, source=EventSource.ABLY)
        )
        result = run("attention", "retry", event_id)["result"]
        assert result["event_id"] == twin.event_id
        assert "merged into one that waits" in result["message"]

    def test_a_dismissal_says_by_whom_and_why(self, run: Run, store: Store) -> None:
        event_id, other = parked(store), parked(store, "DU101")
        result = run("attention", "dismiss", event_id, "--reason", "filled by hand")["result"]
        assert [event["event_id"] for event in result["events"]] == [other]
        event = store.events.get(event_id)
        assert event.state is EventState.CANCELLED
        way = f"dismissed by {getpass.getuser()} at the command line"
        assert event.reason == f"{way}: filled by hand"

    @pytest.mark.parametrize("move", [["retry"], ["dismiss", "--reason", "seen"]])
    def test_an_event_that_is_not_parked_stays_as_it_is(
        self, run: Run, store: Store, move: list[str]
    ) -> None:
        event_id = parked(store)
        store.events.requeue(event_id)
        document = run("attention", move[0], event_id, *move[1:])
        assert document["exit_code"] == ExitCode.FAILED
        assert document["error"]["kind"] == "WrongState"
        assert store.events.get(event_id).state is EventState.QUEUED

    @pytest.mark.parametrize("event_id", ["12", "00000000-0000-4000-8000-000000000000"])
    def test_an_event_that_does_not_exist_is_bad_input(self, run: Run, event_id: str) -> None:
        document = run("attention", "retry", event_id)
        assert document["exit_code"] == ExitCode.BAD_INPUT
        assert "Nothing was changed." in document["error"]["message"]


@pytest.mark.parametrize(
    "words",
    [
        ["arm"],
        ["arm", "--minutes", "soon"],
        ["arm", "--minutes", "1.5"],
        ["arm", "-account", "U300", "--minutes", "1"],
        ["disarm", "now"],
        ["resume", "--reason", "why"],
        ["attention", "retry"],
        ["attention", "dismiss", "12"],
        ["attention", "retry", "12", "--reason", "why"],
        ["attention", "forget", "12"],
    ],
)
def test_an_incomplete_command_line_is_refused(words: list[str]) -> None:
    with pytest.raises(CommandFailed) as caught:
        parse(words)
    assert caught.value.exit_code is ExitCode.BAD_INPUT


def test_an_id_that_is_none_is_told_in_the_user_s_words(run: Run) -> None:
    document = run("attention", "retry", "nonsense")
    assert document["exit_code"] == ExitCode.BAD_INPUT
    assert document["error"]["message"] == (
        "event: should be an id as lists show it. Nothing was changed."
    )


def test_a_store_that_cannot_be_opened_is_a_clear_error(run: Run, home: Path) -> None:
    (home / "data").write_text("a file where the directory should be")
    for words in (["pause"], ["resume"], ["disarm"], ["attention"]):
        document = run(*words)
        assert document["exit_code"] == ExitCode.BAD_INPUT
        assert "must be a directory that this user can write" in document["error"]["message"]
