"""Bad input to commands: exit code 2, one clear message, nothing started."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import interruption
from app.cli import parse
from app.commands.run import run

Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def _signals_afterwards_as_before() -> Iterator[None]:
    """A command that has ended ignores them; this process shall not."""
    before = {number: signal.getsignal(number) for number in interruption.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def ask(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process; its exit code, output and errors."""

    def run_command(*argv: str, **variables: str) -> tuple[int, str, str]:
        code = run(parse(argv), {"REBALANCER_HOME": str(home), **variables})
        return (code, *capsys.readouterr())

    return run_command


Ask = Callable[..., tuple[int, str, str]]


def test_an_unknown_account_lists_the_configured_ones(ask: Ask, home: Path) -> None:
    assert ask("rebalance", "-account", "INVALID123") == (
        2,
        "",
        "error: account INVALID123 is not configured; accounts.yaml has DU100, DU200, U300\n",
    )
    assert not (home / "data").exists()


def test_bad_input_is_one_document_for_a_program(ask: Ask) -> None:
    code, output, _ = ask("rebalance", "-account", "INVALID123", "--json")
    document = json.loads(output)
    assert code == document["exit_code"] == 2
    assert document["command"] == "rebalance"
    assert document["account_id"] == "INVALID123"
    assert document["mode"] == "simulation"
    assert document["result"] is None
    assert document["error"]["kind"] == "SettingsError"


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("accounts.yaml", "accounts: [", "accounts.yaml:2: not valid YAML"),
        ("accounts.yaml", "accounts: []", "accounts.yaml:1: accounts: is empty"),
        ("config.yaml", "tradin: {}", "config.yaml:1: tradin: unknown key; did you mean trading?"),
        (".env", "IB_PORT=none", ".env:1: IB_PORT: "),
        ("replacement-sets.yaml", "ira: {}", "replacement-sets.yaml:1: ira: expected a list"),
    ],
)
def test_a_bad_file_is_named_with_its_line(
    ask: Ask, write: Write, name: str, text: str, part: str
) -> None:
    write(name, text)
    code, output, errors = ask("positions", "-account", "DU100")
    assert (code, output) == (2, "")
    assert part in errors


def test_only_a_rebalance_needs_the_allocation_service(ask: Ask, home: Path) -> None:
    # Refused because of data/, which is looked at later.
    (home / "data").touch()
    paper = {"TRADING_MODE": "paper"}
    _, _, errors = ask("rebalance", "-account", "DU100", **paper)
    assert errors == "error: .env: ALLOCATIONS_BASE_URL is needed with TRADING_MODE=paper\n"
    for command in ("doctor", "positions", "equity", "orders", "cancel-orders"):
        _, _, errors = ask(command, "-account", "DU100", **paper)
        assert str(home / "data") in errors
        assert "ALLOCATIONS" not in errors


@pytest.mark.parametrize("command", ["reload", "serve"])
def test_what_a_service_cannot_work_without_is_told_at_once(
    ask: Ask, home: Path, command: str
) -> None:
    lacking = {"TRADING_MODE": "paper", "NOTIFICATION_URLS": "s3cret", "API_PORT": "0"}
    assert ask(command, **lacking) == (
        2,
        "",
        "error: .env: ALLOCATIONS_BASE_URL is needed with TRADING_MODE=paper\n"
        "NOTIFICATION_URLS: should be addresses of apprise, such as ntfy://topic\n",
    )
    assert not (home / "data").exists()


def test_the_doctor_shows_what_a_service_cannot_work_without(ask: Ask) -> None:
    lacking = {"TRADING_MODE": "paper", "IB_HOST": "127.0.0.1", "IB_PORT": "1"}
    code, output, _ = ask("doctor", "--json", **lacking)
    (diagnosis,) = json.loads(output)["result"]
    check = diagnosis["checks"][0]
    assert (code, check["name"], check["verdict"]) == (1, "configuration", "failed")
    assert check["detail"] == ".env: ALLOCATIONS_BASE_URL is needed with TRADING_MODE=paper"


def test_missing_accounts_say_how_to_create_them(ask: Ask, home: Path) -> None:
    (home / "accounts.yaml").unlink()
    code, _, errors = ask("rebalance", "-account", "DU100")
    assert code == 2
    assert "accounts.yaml: no such file. Create it" in errors


def test_a_reset_outside_the_simulation_is_refused(ask: Ask) -> None:
    paper = {"TRADING_MODE": "paper", "ALLOCATIONS_BASE_URL": "http://127.0.0.1:9"}
    code, _, errors = ask("rebalance", "--reset-demo", **paper)
    assert code == 2
    assert "--reset-demo is for TRADING_MODE=simulation" in errors


def test_a_reset_alone_is_done_without_a_simulator(ask: Ask, home: Path) -> None:
    state = home / "data" / "simulator" / "state.json"
    state.parent.mkdir(parents=True)
    state.touch()
    code, output, _ = ask("rebalance", "--reset-demo", "--json")
    assert code == 0
    assert json.loads(output)["result"] is None
    assert not state.exists()


def test_a_live_account_on_a_paper_port_is_refused(ask: Ask) -> None:
    live = {"TRADING_MODE": "live", "ALLOCATIONS_BASE_URL": "http://127.0.0.1:9"}
    code, _, errors = ask("rebalance", "-account", "U300", IB_PORT="4002", **live)
    assert code == 2
    assert "IB_PORT 4002 is a paper gateway's port" in errors
    assert "Nothing was sent." in errors


def test_notices_go_to_standard_error(ask: Ask, write: Write) -> None:
    write("config.yaml", "trading:\n  commission_rate: 0.01\n")
    _, output, errors = ask("positions", "-account", "INVALID123", "--json")
    notice = "config.yaml:2: trading.commission_rate: no longer does anything"
    assert f"notice: {notice}" in errors
    assert json.loads(output)["notices"][0].startswith(notice)


@pytest.mark.parametrize(
    "place", ["data", "data/logs", "data/paper", "data/paper/journal", "data/paper/locks"]
)
@pytest.mark.parametrize("command", ["rebalance", "orders", "doctor"])
def test_a_file_in_the_place_of_the_state_is_named(
    ask: Ask, home: Path, command: str, place: str
) -> None:
    (home / place).parent.mkdir(parents=True, exist_ok=True)
    (home / place).touch()
    paper = {"TRADING_MODE": "paper", "ALLOCATIONS_BASE_URL": "http://127.0.0.1:9"}
    code, output, errors = ask(command, "-account", "DU100", "--json", **paper)
    assert code == 2
    message = json.loads(output)["error"]["message"]
    assert errors == f"error: {message}\n"
    assert message.startswith(f"{home / place}")
    assert "must be a directory that this user can write to. Nothing was sent." in message


@pytest.mark.parametrize("place", ["data", "data/simulator"])
def test_a_file_in_the_place_of_the_simulators_state_is_named(
    ask: Ask, home: Path, place: str
) -> None:
    (home / place).parent.mkdir(parents=True, exist_ok=True)
    (home / place).touch()
    for arguments in (("-account", "DU100"), ("--reset-demo",)):
        code, _, errors = ask("rebalance", *arguments)
        assert code == 2
        assert errors.startswith(f"error: {home / place}")
        assert errors.endswith("Nothing was sent.\n")


def test_client_ids_that_cannot_be_written_are_named(ask: Ask, home: Path) -> None:
    (home / "data" / "client-ids.lock").mkdir(parents=True)
    paper = {"TRADING_MODE": "paper", "ALLOCATIONS_BASE_URL": "http://127.0.0.1:9"}
    code, _, errors = ask("positions", "-account", "DU100", **paper)
    assert code == 2
    assert f"{home / 'data' / 'client-ids.lock'}: Is a directory" in errors


@pytest.mark.parametrize("command", ["rebalance", "positions", "doctor"])
def test_a_database_of_several_machines_that_is_away_is_named(ask: Ask, command: str) -> None:
    """Their client ids are there: one of this machine's own might be somebody else's."""
    paper = {"TRADING_MODE": "paper", "ALLOCATIONS_BASE_URL": "http://127.0.0.1:9"}
    away = {"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}
    code, output, errors = ask(command, "-account", "DU100", "--json", **paper, **away)
    assert code == 1
    error = json.loads(output)["error"]
    assert error["kind"] == "StoreUnavailable"
    assert "127.0.0.1:1/x is not usable now" in error["message"]
    assert error["message"].endswith("Nothing was sent.")
    assert "secret" not in output + errors
