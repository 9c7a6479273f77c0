"""The command line's arguments."""

import json

import pytest

from app.cli import main, parse
from app.commands.outcome import CommandFailed


@pytest.mark.parametrize("option", ["-account", "--account"])
def test_both_spellings_of_an_account_are_understood(option: str) -> None:
    arguments = parse(["rebalance", option, "DU1"])
    assert arguments.account == "DU1"


def test_a_rebalance_is_a_preview_unless_told_otherwise() -> None:
    assert parse(["rebalance", "-account", "DU1"]).execute == "print-rebalance"
    assert parse(["rebalance", "-account", "DU1", "-exec", "rebalance"]).execute == "rebalance"


def test_a_reset_and_a_doctor_need_no_account() -> None:
    assert parse(["rebalance", "--reset-demo"]).account is None
    assert parse(["doctor"]).account is None


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["rebalance"],
        ["equity"],
        ["dance"],
        ["rebalance", "-account"],
        ["rebalance", "-account", "DU1", "-exec", "sell-everything"],
        ["rebalance", "--acc", "DU1"],
        ["equity", "-account", ""],
        ["equity", "-account", "DU1", "--account", "DU2"],
        ["positions", "-account", "DU1", "--reset-demo"],
        ["plan"],
        ["plan", "--strategy", "alpha", "-account", "DU1"],
    ],
)
def test_what_makes_no_sense_ends_with_2(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "argv",
    [
        ["rebalance", "-account", "DU1", "-e", "rebalance"],
        ["rebalance", "-account", "DU1", "-e=rebalance"],
        ["rebalance", "-a", "DU1"],
        ["rebalance", "--acc", "DU1"],
        ["schedule", "add", "DU1", "--rea", "x"],
        ["schedule", "add", "DU1", "--js"],
        ["attention", "dismiss", "1", "--reason", "x", "--js"],
        ["config", "migrate", "--wri"],
    ],
)
def test_no_option_may_be_abbreviated(argv: list[str]) -> None:
    with pytest.raises(CommandFailed) as refused:
        parse(argv)
    assert (refused.value.exit_code, refused.value.kind) == (2, "ArgumentError")


def test_what_makes_no_sense_is_one_document_for_a_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["equity", "-account", "", "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["command"], document["exit_code"], document["result"]) == ("equity", 2, None)
    assert document["error"]["kind"] == "ArgumentError"
    assert "-account: the id is empty" in document["error"]["message"]


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["rebalance"], "rebalance"),
        (["rebalance", "-exec", "sell-everything"], "rebalance"),
        (["positions", "-account", "DU1", "--reset-demo"], "positions"),
        (["schedule", "grow"], "schedule"),
        (["dance"], None),
        ([], None),
    ],
)
def test_the_document_names_the_command_wherever_one_is_known(
    argv: list[str], command: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*argv, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["command"] == command


def test_the_help_of_every_command_tells_the_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in (
        "rebalance",
        "plan",
        "positions",
        "equity",
        "orders",
        "cancel-orders",
        "doctor",
        "pause",
        "resume",
        "arm",
        "disarm",
        "attention",
    ):
        with pytest.raises(SystemExit) as ended:
            parse([command, "--help"])
        assert ended.value.code == 0
        assert "3  needs attention" in capsys.readouterr().out
