"""All of the configuration together, and which account a mode may process."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import (
    Environment,
    Settings,
    SettingsError,
    TradingMode,
    disagreement,
    load_settings,
    processed_accounts,
    require_allocations,
    select_account,
    select_followers,
)

REPOSITORY = Path(__file__).resolve().parents[2]

Write = Callable[[str, str], Path]
URL = {"ALLOCATIONS_BASE_URL": "https://allocations.example.com/v1"}


def problems(home: Path, **variables: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(home, variables)
    return caught.value.problems


def test_without_any_environment_the_mode_is_simulation(home: Path) -> None:
    settings = load_settings(home, {})
    assert settings.mode is TradingMode.SIMULATION
    assert settings.environment.ib_host == "127.0.0.1"
    assert settings.allocations_url is None


def test_the_process_environment_wins_over_the_file(home: Path, write: Write) -> None:
    write(".env", "IB_HOST=from-file\nIB_PORT=1234\n")
    settings = load_settings(home, {"IB_HOST": "from-process", "UNRELATED": "x"})
    assert settings.environment.ib_host == "from-process"
    assert settings.environment.ib_port == 1234


def test_an_empty_value_counts_as_not_set(home: Path, write: Write) -> None:
    write(".env", "IB_PORT=\nLOG_LEVEL=\n")
    settings = load_settings(home, {"IB_HOST": ""})
    assert settings.environment.ib_port is None
    assert settings.environment.log_level == "INFO"
    assert settings.environment.ib_host == "127.0.0.1"


def test_every_name_that_users_know_is_accepted(home: Path, write: Write) -> None:
    write(
        ".env",
        """\
        IB_USERNAME=me
        IB_PASSWORD=pass
        TRADING_MODE=paper
        IB_HOST=gateway
        IB_PORT=4004
        ALLOCATIONS_BASE_URL=https://allocations.example.com
        ALLOCATIONS_API_KEY=key-1
        REALTIME_API_KEY=key-2
        REBALANCE_EVENT_SUBSCRIPTION_API_KEY=key-3
        AUTO_RESTART_TIME="11:59 PM"
        VNC_PASSWORD=vnc
        LOG_LEVEL=DEBUG
        USER_NOTIFICATIONS_ENABLED=true
        USER_NOTIFICATIONS_CHANNEL=channel
        USER_NOTIFICATIONS_SERVER_URL=https://ntfy.example.com
        MANAGEMENT_API_KEY=key-4
        """,
    )
    environment = load_settings(home, {}).environment
    assert environment.user_notifications_enabled is True
    assert set(environment.secrets()) == {"pass", "key-1", "key-2", "key-3", "key-4", "vnc"}
    assert "key-1" not in repr(environment)


def test_the_shipped_example_lists_exactly_the_names_that_are_read() -> None:
    listed = re.findall(r"^#?([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(name.upper() for name in Environment.model_fields)


def test_the_shipped_example_is_a_working_file(home: Path, write: Write) -> None:
    write(".env", (REPOSITORY / ".env.example").read_text())
    assert load_settings(home, {}).environment == Environment()


def test_what_the_service_needs_is_read_and_its_secrets_are_never_shown(
    home: Path, write: Write
) -> None:
    write(
        ".env",
        """\
        DATABASE_URL=postgresql://user:db-pass@host/events
        REBALANCE_EVENT_SUBSCRIPTION_API_KEY=app.key:ably-pass
        ABLY_ENDPOINT=localhost:8081
        ABLY_TLS=false
        MANAGEMENT_READ_API_KEY=look-only
        NOTIFICATION_URLS="ntfy://token@host/topic, mailto://me"
        """,
    )
    settings = load_settings(home, {})
    assert settings.database_url == "postgresql://user:db-pass@host/events"
    assert settings.environment.ably_key is not None
    assert settings.environment.ably_key.get_secret_value() == "app.key:ably-pass"
    shown = repr(settings) + settings.model_dump_json()
    for secret in ("db-pass", "ably-pass", "look-only", "token"):
        assert secret not in shown


def test_events_are_kept_with_the_state_of_the_mode_by_default(home: Path) -> None:
    expected = f"sqlite:///{home}/data/simulation/events.db"
    assert load_settings(home, {}).database_url == expected


def test_a_database_of_another_kind_is_refused_without_repeating_its_password(home: Path) -> None:
    (problem,) = problems(home, DATABASE_URL="mysql://user:db-pass@host/events")
    assert problem.startswith("environment variable DATABASE_URL: ")
    assert "sqlite:/// or postgresql://" in problem
    assert "db-pass" not in problem


def test_an_unknown_name_in_the_file_is_refused(home: Path, write: Write) -> None:
    write(".env", "LOG_LEVEL=INFO\nIB_PROT=4002\n")
    assert problems(home) == (".env:2: IB_PROT: unknown name; did you mean IB_PORT?",)


def test_names_of_the_first_generation_are_accepted_with_a_notice(home: Path, write: Write) -> None:
    write(".env", "ORDER_TYPE=MKT\n")
    (notice,) = load_settings(home, {}).notices
    assert notice.startswith(".env:1: ORDER_TYPE no longer does anything: ")


def test_a_bad_value_names_its_place_and_does_not_repeat_it(home: Path, write: Write) -> None:
    write(".env", "\nIB_PORT=secret-in-the-wrong-line\n")
    found = problems(home, TRADING_MODE="demo")
    assert len(found) == 2
    assert any(line.startswith("environment variable TRADING_MODE: ") for line in found)
    assert any(line.startswith(".env:2: IB_PORT: ") for line in found)
    assert "secret-in-the-wrong-line" not in "".join(found)


def test_problems_of_all_files_are_told_at_once(home: Path, write: Write) -> None:
    write(".env", "WRONG=1\n")
    write("config.yaml", "wrong: 1\n")
    write("accounts.yaml", "wrong: 1\n")
    write("replacement-sets.yaml", "wrong: 1\n")
    files = [problem.split(":")[0] for problem in problems(home)]
    assert files == [".env", "config.yaml", "replacement-sets.yaml", "accounts.yaml"]


def test_lines_of_the_environment_file_are_all_told_at_once(home: Path, write: Write) -> None:
    write(".env", "nonsense\nIB_PROT=1\nIB_PORT=none\nIB_HOST\n")
    assert {problem.split(": ")[0] for problem in problems(home)} == {
        ".env:1", ".env:2", ".env:3", ".env:4",
    }  # fmt: skip


def test_an_account_with_an_unknown_replacement_set_is_refused(home: Path, write: Write) -> None:
    write(
        "accounts.yaml",
        """\
        accounts:
          - {account_id: DU1, type: paper, strategy_name: a, replacement_set: ria}
        """,
    )
    write("replacement-sets.yaml", "ira: [{source: A, target: B}]\n")
    (problem,) = problems(home)
    assert problem == (
        "accounts.yaml:2: accounts[0].replacement_set: ria is not in replacement-sets.yaml, "
        "which has ira"
    )


def test_outside_the_simulation_the_allocation_service_must_be_named(
    home: Path, write: Write
) -> None:
    with pytest.raises(SettingsError) as caught:
        require_allocations(load_settings(home, {"TRADING_MODE": "paper"}))
    assert caught.value.problems == (
        ".env: ALLOCATIONS_BASE_URL is needed with TRADING_MODE=paper",
    )
    require_allocations(load_settings(home, {}))
    write("config.yaml", "allocations:\n  base_url: https://old.example.com\n")
    settings = load_settings(home, {"TRADING_MODE": "paper"})
    require_allocations(settings)
    assert settings.allocations_url == "https://old.example.com"


def test_the_gateways_port_follows_the_mode_unless_it_is_given(home: Path) -> None:
    assert load_settings(home, {"TRADING_MODE": "paper", **URL}).gateway_port == 4004
    assert load_settings(home, {"TRADING_MODE": "live", **URL}).gateway_port == 4003
    given = {"TRADING_MODE": "live", "IB_PORT": "4711", **URL}
    assert load_settings(home, given).gateway_port == 4711


def test_state_of_one_mode_is_kept_apart_from_that_of_another(home: Path) -> None:
    simulated = load_settings(home, {})
    paper = load_settings(home, {"TRADING_MODE": "paper", **URL})
    assert simulated.state_directory != paper.state_directory


def load(home: Path, mode: str, **more: str) -> Settings:
    return load_settings(home, {"TRADING_MODE": mode, **URL, **more})


def test_a_mode_processes_the_enabled_accounts_of_its_type(home: Path) -> None:
    for mode, expected in (("simulation", ["DU100"]), ("paper", ["DU100"]), ("live", ["U300"])):
        accounts = processed_accounts(load(home, mode))
        assert [account.account_id for account in accounts] == expected


def test_an_unknown_account_is_refused_with_the_known_ones(home: Path) -> None:
    with pytest.raises(SettingsError, match=r"INVALID123 .* has DU100, DU200, U300$"):
        select_account(load(home, "paper"), "INVALID123")


def test_a_disabled_account_is_refused(home: Path) -> None:
    with pytest.raises(SettingsError, match="DU200 is disabled"):
        select_account(load(home, "paper"), "DU200")


def test_followers_are_the_accounts_that_the_mode_processes(home: Path) -> None:
    assert [a.account_id for a in select_followers(load(home, "paper"), "alpha")] == ["DU100"]
    assert [a.account_id for a in select_followers(load(home, "live"), "alpha")] == ["U300"]


def test_a_strategy_that_nobody_follows_is_refused_with_the_known_ones(home: Path) -> None:
    known = re.escape("no account follows strategy gamma; accounts.yaml has alpha, beta")
    with pytest.raises(SettingsError, match=known):
        select_followers(load(home, "paper"), "gamma")
    reason = "processes no account that follows strategy beta: DU200 is disabled"
    with pytest.raises(SettingsError, match=reason):
        select_followers(load(home, "paper"), "beta")


def test_an_account_of_the_other_type_is_refused(home: Path) -> None:
    with pytest.raises(SettingsError, match="U300 is a live account and TRADING_MODE=paper"):
        select_account(load(home, "paper"), "U300")


@pytest.mark.parametrize(
    ("mode", "port", "account", "agrees"),
    [
        ("paper", "4002", "DU100", True),
        ("paper", "4004", "DU100", True),
        ("paper", "7497", "DU100", True),
        ("paper", "4001", "DU100", False),
        ("paper", "4003", "DU100", False),
        ("paper", "7496", "DU100", False),
        ("paper", "5000", "DU100", True),
        ("live", "4001", "U300", True),
        ("live", "4002", "U300", False),
        ("live", "4004", "U300", False),
        ("live", "7497", "U300", False),
        ("simulation", "4001", "DU100", True),
    ],
)
def test_mode_and_port_must_agree(
    home: Path, mode: str, port: str, account: str, agrees: bool
) -> None:
    settings = load(home, mode, IB_PORT=port)
    found = disagreement(settings, select_account(settings, account))
    assert (found is None) is agrees
    assert found is None or port in found.what


@pytest.mark.parametrize(
    ("account_id", "kind", "agrees"),
    [
        ("DU1", "paper", True),
        ("DF1", "paper", True),
        ("DUM959247", "paper", True),
        ("U1", "live", True),
        ("F1", "live", True),
        ("U1", "paper", False),
        ("DU1", "live", False),
        ("DF1", "live", False),
    ],
)
def test_an_accounts_id_and_type_must_agree(
    home: Path, write: Write, account_id: str, kind: str, agrees: bool
) -> None:
    write(
        "accounts.yaml",
        f"accounts:\n  - {{account_id: {account_id}, type: {kind}, strategy_name: a}}\n",
    )
    settings = load(home, kind)
    found = disagreement(settings, select_account(settings, account_id))
    assert (found is None) is agrees


@pytest.mark.parametrize("mode", ["simulation", "paper"])
def test_a_live_account_needs_the_live_mode(home: Path, mode: str) -> None:
    live = select_account(load(home, "live"), "U300")
    found = disagreement(load(home, mode), live)
    assert found is not None
    assert f"TRADING_MODE={mode} processes paper accounts only" in found.what


@pytest.mark.parametrize(
    ("mode", "account", "login", "wrong"),
    [
        ("paper", "DU100", ["DU100", "DF7"], None),
        ("paper", "DU100", ["DU100", "U300"], "live accounts U300"),
        ("simulation", "DU100", ["U300", "F7"], "live accounts U300, F7"),
        ("live", "U300", ["U300", "F7"], None),
        ("live", "U300", ["DU100", "U300"], "paper accounts DU100"),
    ],
)
def test_the_accounts_of_the_gateways_login_must_agree_with_the_mode(
    home: Path, mode: str, account: str, login: list[str], wrong: str | None
) -> None:
    settings = load(home, mode)
    found = disagreement(settings, select_account(settings, account), login)
    assert (found is None) is (wrong is None)
    assert found is None or found.what.endswith(f"logged in to the {wrong}")
