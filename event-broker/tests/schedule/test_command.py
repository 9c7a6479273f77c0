"""`schedule list|add|remove|clear`: the market-open list from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.cli import parse
from app.commands import schedule
from app.commands.outcome import CommandFailed, ExitCode, Report
from app.commands.session import Session
from app.settings import load_settings
from app.store import open_store

Run = Callable[..., Report]


@pytest.fixture
def run(home: Path) -> Run:
    """Run `schedule` with these words, in the simulation unless a variable says otherwise."""

    def command(*words: str, **variables: str) -> Report:
        return schedule.run(
            Session(
                arguments=parse(["schedule", *words]),
                settings=load_settings(home, variables),
                accounts=(),
                address=Future(),
            )
        )

    return command


def test_accounts_are_put_on_the_list_and_taken_off_again(
    run: Run, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(run("list").document) == {"message": None, "entries": []}

    (entry,) = json.loads(run("add", "DU100", "--reason", "deposit").document)["entries"]
    assert (entry["account_id"], entry["reason"]) == ("DU100", "deposit")
    assert entry["added_by"]
    due = datetime.fromisoformat(entry["due_at"]).astimezone(ZoneInfo("America/New_York"))
    assert f"{due:%H:%M}" == "09:35"

    again = run("add", "DU100")
    again.show()
    shown = capsys.readouterr().out
    assert shown.startswith("DU100 was already on the list.\n")
    assert "deposit" in shown
    assert f"{due:%Y-%m-%d} 09:35" in shown

    assert json.loads(run("remove", "DU1").document)["message"] == "DU1 was not on the list."
    assert json.loads(run("remove", "DU100").document) == {
        "message": "DU100 was taken off the list.",
        "entries": [],
    }
    run("add", "DU100")
    cleared = run("clear")
    cleared.show()
    assert capsys.readouterr().out == (
        "Accounts taken off the list: 1.\nNo account is rebalanced at the next open.\n"
    )


def keep_calendar(home: Path, *closing_hours: int) -> date:
    """In two days, on the day that is returned, the exchange opens at 14:30 UTC and closes at the
    first hour, and so on.
    """
    today = datetime.now(UTC).date()
    days = [(today + timedelta(days=2 + n), hour) for n, hour in enumerate(closing_hours)]
    calendar = {
        "exchange": "XNYS",
        "begins": str(today - timedelta(days=40)),
        "ends": str(today + timedelta(days=400)),
        "sessions": [
            {"date": str(day), "opens": f"{day}T14:30:00Z", "closes": f"{day}T{hour}:00:00Z"}
            for day, hour in days
        ],
    }
    library = f"exchange_calendars {version('exchange_calendars')}"
    path = home / "data" / "market" / "XNYS.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"library": library, "calendar": calendar}))
    return days[0][0]


def test_the_list_says_which_session_is_left_out(
    run: Run, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = keep_calendar(home, 17, 21)
    (home / "config.yaml").write_text("scheduler: {market_open_time: '14:00'}")
    added = run("add", "DU100")
    added.show()
    (entry,) = json.loads(added.document)["entries"]
    assert entry["due_at"].startswith(str(day + timedelta(days=1)))
    closes = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    local = closes.astimezone(ZoneInfo("America/New_York"))
    note = f"The session of {day} is left out: it closes at {local:%H:%M}."
    assert entry["note"] == note
    assert note in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("words", [["add", "DU100"], ["list"]])
def test_the_list_is_told_though_nobody_knows_when_it_is_due(
    run: Run, home: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with open_store(load_settings(home, {}).database_url) as store:
        store.market_open.add("DU100", "anna")
    keep_calendar(home, 17)
    (home / "config.yaml").write_text("scheduler: {market_open_time: '14:00'}")
    report = run(*words)
    assert report.exit_code is ExitCode.DONE
    (entry,) = json.loads(report.document)["entries"]
    assert entry["due_at"] is None
    assert entry["note"].startswith("When it is due is not known: the calendar of XNYS ends on")
    report.show()
    assert "When it is due is not known: the calendar" in capsys.readouterr().out


def test_the_list_says_when_nobody_looks_at_it(
    run: Run, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.yaml").write_text("scheduler: {enabled: false}")
    run("add", "DU100").show()
    assert "scheduler.enabled is false" in capsys.readouterr().out


@pytest.mark.parametrize("account_id", ["DU999", "DU200", "U300"])
def test_an_account_that_is_not_processed_is_refused(run: Run, home: Path, account_id: str) -> None:
    with pytest.raises(CommandFailed, match=account_id) as caught:
        run("add", account_id)
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    with open_store(load_settings(home, {}).database_url) as store:
        assert store.market_open.list() == ()


def test_a_store_that_two_modes_share_is_refused_to_the_second(run: Run, tmp_path: Path) -> None:
    shared = f"sqlite:///{tmp_path / 'shared.db'}"
    run("list", DATABASE_URL=shared, TRADING_MODE="paper")
    with pytest.raises(CommandFailed, match="is for TRADING_MODE=paper, and this is live"):
        run("list", DATABASE_URL=shared, TRADING_MODE="live")


def test_a_store_that_cannot_be_opened_is_a_clear_error(run: Run, home: Path) -> None:
    (home / "data").write_text("a file where the directory should be")
    with pytest.raises(CommandFailed, match="must be a directory that this user") as caught:
        run("list")
    assert caught.value.exit_code is ExitCode.BAD_INPUT


@pytest.mark.parametrize("words", [[], ["add"], ["remove"], ["list", "DU1"], ["fire"]])
def test_an_incomplete_command_line_is_refused(words: list[str]) -> None:
    with pytest.raises(CommandFailed) as caught:
        parse(["schedule", *words])
    assert caught.value.exit_code is ExitCode.BAD_INPUT


def test_json_may_be_asked_for_before_or_after_the_action() -> None:
    for words in (["--json", "list"], ["list", "--json"]):
        assert parse(["schedule", *words]).json is True
    assert parse(["schedule", "list"]).json is False
