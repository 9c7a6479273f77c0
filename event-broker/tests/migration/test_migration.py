"""Files as the predecessor's two generations had them, and what becomes of each."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest

from app.cli import parse
from app.commands.config import run
from app.commands.outcome import CommandFailed, ExitCode
from app.migration import plan_migration, write_migration
from app.settings import SettingsError, TradingMode, load_settings

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)

FIRST_ACCOUNTS = """\
# The family's accounts.

# Grandmother's.
- account_id: "DU123456"
  notification:
    channel: "etf-blend-100"  # until spring
  rebalancing:
    equity_reserve_percentage: 2.5

# "Ours" # really
- account_id: "DU789012"
  notification:
    channel: 'global'
"""
FIRST_CONFIG = """\
# Allocations API Configuration
allocations:
  base_url: "https://allocations.example.com/api/v1"
"""
FIRST_ENV = """\
IB_USERNAME=somebody
IB_PASSWORD=hunter2-secret
TRADING_MODE=paper
ZEHNLABS_FINTECH_API_KEY=allocation-secret
MANAGEMENT_API_KEY=management-secret
ORDER_TYPE=MKT
LOG_LEVEL=DEBUG
"""
SECOND_ACCOUNTS = """\
accounts:
  - account_id: DU123456
    type: paper
    enabled: true
    strategy_name: etf-blend-301-20
    cash_reserve_percent: 2.0  # more than usual
    replacement_set: ira
    pdt_protection_enabled: true
  - account_id: U789012
    type: live
    strategy_name: global
"""
SECOND_CONFIG = """\
# Tuned in spring.
ibkr:
  request_timeout_seconds: 20
  market_data_max_retries: 3
  ports:
    paper_internal: 4002
trading:
  buy_slippage_percent: 1.0  # wide
  commission_rate: 0.0035
  order_status_check_interval_seconds: 2
replacement:
  maximum_excess: 0.1
  thresholds:
    - 1
    # the last one
    - 2
executor:
  max_workers: 32
scheduler:
  market_open_time: "09:45"
"""
SECOND_SETS = "ira:\n  - {source: DBC, target: PDBC, scale: 1.0}\n"
SECOND_ENV = """\
TRADING_MODE=live
ALLOCATIONS_BASE_URL=https://allocations.example.com/api/v1
ALLOCATIONS_API_KEY=allocation-secret
REBALANCE_EVENT_SUBSCRIPTION_API_KEY=realtime-secret
USER_NOTIFICATIONS_ENABLED=true
USER_NOTIFICATIONS_CHANNEL=my-topic
"""

Source = Callable[..., Path]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A directory with the files of a generation; others by keyword."""

    def make(accounts: str, config: str = "", env: str = "", sets: str = "") -> Path:
        directory = tmp_path / "predecessor"
        directory.mkdir()
        texts = {"accounts.yaml": accounts, "config.yaml": config, ".env": env}
        for name, text in {**texts, "replacement-sets.yaml": sets}.items():
            if text:
                (directory / name).write_text(dedent(text))
        return directory

    return make


@pytest.fixture
def first(source: Source) -> Path:
    return source(FIRST_ACCOUNTS, FIRST_CONFIG, FIRST_ENV)


@pytest.fixture
def second(source: Source) -> Path:
    return source(SECOND_ACCOUNTS, SECOND_CONFIG, SECOND_ENV, SECOND_SETS)


def test_the_first_generation_loads_without_a_notice_afterwards(first: Path) -> None:
    write_migration(plan_migration(first, first), NOW)
    settings = load_settings(first, {})
    assert settings.notices == ()
    assert settings.mode is TradingMode.PAPER
    assert settings.allocations_url == "https://allocations.example.com/api/v1"
    assert settings.config.allocations.base_url is None
    key = settings.environment.allocations_api_key
    assert key is not None
    assert key.get_secret_value() == "allocation-secret"
    assert [
        (a.account_id, a.type, a.strategy_name, a.cash_reserve_percent) for a in settings.accounts
    ] == [
        ("DU123456", "paper", "etf-blend-100", Decimal("2.5")),
        ("DU789012", "paper", "global", Decimal(1)),
    ]


def test_comments_of_a_bare_list_stand_above_what_they_were_about(first: Path) -> None:
    (accounts,) = (f for f in plan_migration(first, first).files if f.name == "accounts.yaml")
    assert accounts.new.splitlines() == [
        "# The family's accounts.",
        "# Grandmother's.",
        "accounts:",
        "  # until spring",
        "  - account_id: DU123456",
        "    type: paper",
        "    strategy_name: etf-blend-100",
        "    cash_reserve_percent: 2.5",
        '  # "Ours" # really',
        "  - account_id: DU789012",
        "    type: paper",
        "    strategy_name: global",
        "    cash_reserve_percent: 1",
    ]


def test_the_second_generation_means_the_same_afterwards(second: Path) -> None:
    before = load_settings(second, {})
    write_migration(plan_migration(second, second), NOW)
    after = load_settings(second, {})
    assert len(before.notices) == 4
    assert after == before.model_copy(update={"notices": ()})


def test_what_has_no_successor_becomes_a_comment_with_its_reason(second: Path) -> None:
    migration = plan_migration(second, second)
    (config,) = migration.files
    assert config.name == "config.yaml"
    assert config.new.splitlines()[2:6] == [
        "  request_timeout_seconds: 20",
        "  # Retired: waiting is on the broker's own events now",
        "  # market_data_max_retries: 3",
        "  ports:",
    ]
    kept = [line for line in config.new.splitlines() if not line.lstrip().startswith("#")]
    retired = (
        "market_data_max_retries",
        "commission_rate",
        "order_status",
        "replacement",
        "maximum",
        "thresholds",
        "- ",
    )
    assert kept == [
        line for line in SECOND_CONFIG.splitlines() if not line.strip().startswith(("#", *retired))
    ]
    assert [note.split(" has no successor")[0] for note in migration.notes] == [
        "config.yaml: ibkr.market_data_max_retries",
        "config.yaml: trading.commission_rate",
        "config.yaml: trading.order_status_check_interval_seconds",
        "config.yaml: replacement",
    ]


def test_nothing_is_written_before_it_is_asked_for(first: Path) -> None:
    plan_migration(first, first)
    assert sorted(path.name for path in first.iterdir()) == [".env", "accounts.yaml", "config.yaml"]
    assert (first / "accounts.yaml").read_text() == FIRST_ACCOUNTS


def test_the_old_files_are_kept_beside_the_new_ones(first: Path) -> None:
    (first / ".env").chmod(0o600)
    backups = write_migration(plan_migration(first, first), NOW)
    assert [backup.name for backup in backups] == [
        "accounts.yaml.bak-20261120T153000Z",
        "config.yaml.bak-20261120T153000Z",
        ".env.bak-20261120T153000Z",
    ]
    assert backups[0].read_text() == FIRST_ACCOUNTS
    assert backups[2].read_text() == FIRST_ENV
    for path in (backups[2], first / ".env"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_migration_has_nothing_to_do(second: Path) -> None:
    write_migration(plan_migration(second, second), NOW)
    again = plan_migration(second, second)
    assert (again.files, again.notes) == ((), ())


def test_another_directory_is_read_and_left_alone(second: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "accounts.yaml").write_text("accounts:\n  - {account_id: DEMO}\n")
    backups = write_migration(plan_migration(second, home), NOW)
    assert [backup.name for backup in backups] == ["accounts.yaml.bak-20261120T153000Z"]
    assert load_settings(home, {}).accounts == load_settings(second, {}).accounts
    assert stat.S_IMODE((home / ".env").stat().st_mode) == 0o600
    assert (second / "config.yaml").read_text() == SECOND_CONFIG


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"config": "trading:\n  colour: red\n", "env": SECOND_ENV},
            "config.yaml:2: trading.colour: unknown key",
        ),
        ({"env": "TRADING_MODE=paper\nREDIS_HOST=redis\n"}, ".env:2: REDIS_HOST: unknown name"),
        (
            {"config": "replacement: {}\n", "env": "IB_HOST=gateway\n"},
            "TRADING_MODE is not set",
        ),
        (
            {"config": "trading:\n  max_account_utilization: 0.95\n", "env": SECOND_ENV},
            "config.yaml:2: trading.max_account_utilization: 0.95 kept part of every account",
        ),
        (
            {"config": "trading: {commission_rate: 0.01, order_tif: DAY}\n", "env": SECOND_ENV},
            "config.yaml:1: trading.commission_rate: cannot be taken out of its line",
        ),
        (
            {"sets": "ira:\n  - {source: UVXY, target: VXX, scale: 150}\n", "env": SECOND_ENV},
            "scale 150 of UVXY would hold so many times its weight; if percent is meant, write 1.5",
        ),
        (
            {"config": "trading:\n  order_tif: GTD\n", "env": SECOND_ENV},
            "config.yaml:2: trading.order_tif: GTD needs an end date",
        ),
        (
            {"env": "TRADING_MODE=paper\nZEHNLABS_FINTECH_API_KEY=a\nALLOCATIONS_API_KEY=b\n"},
            "ZEHNLABS_FINTECH_API_KEY and ALLOCATIONS_API_KEY have different values",
        ),
    ],
)
def test_what_only_a_person_can_decide_is_refused(
    source: Source, files: dict[str, str], expected: str
) -> None:
    accounts = "accounts:\n  - {account_id: DU1, type: paper, strategy_name: alpha}\n"
    directory = source(accounts, **files)
    with pytest.raises(SettingsError) as refused:
        plan_migration(directory, directory)
    assert expected in str(refused.value)


def test_a_reserve_that_was_never_used_is_told(source: Source) -> None:
    accounts = FIRST_ACCOUNTS.replace("percentage: 2.5", "percentage: 25")
    directory = source(accounts, env=FIRST_ENV)
    migration = plan_migration(directory, directory)
    assert "equity_reserve_percentage: 25 is outside 0 to 10; 1 is used" in migration.notes[0]


def test_files_that_the_configuration_names_are_found(source: Source) -> None:
    directory = source(
        SECOND_ACCOUNTS, "paper:\n  market: mine.yaml\nreplacement: {}\n", SECOND_ENV, SECOND_SETS
    )
    (directory / "mine.yaml").write_text("{}\n")
    assert [file.name for file in plan_migration(directory, directory).files] == ["config.yaml"]


def test_the_command_shows_a_diff_without_a_secret(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = {"REBALANCER_HOME": str(first)}
    run(parse(["config", "migrate"]), variables).show()
    shown = capsys.readouterr().out
    assert "-ZEHNLABS_FINTECH_API_KEY=***\n+ALLOCATIONS_API_KEY=***" in shown
    assert "+    strategy_name: etf-blend-100" in shown
    assert "Nothing was written" in shown
    assert "secret" not in shown

    written = run(parse(["config", "migrate", "--write", "--json"]), variables)
    document = json.loads(written.document)
    assert document["written"] is True
    assert len(document["backups"]) == 3
    assert "secret" not in written.document
    written.show()
    assert "The old files: accounts.yaml.bak-" in capsys.readouterr().out

    run(parse(["config", "migrate", "--from", str(first)]), variables).show()
    assert "nothing to migrate" in capsys.readouterr().out


def test_the_command_refuses_and_says_that_nothing_was_written(first: Path) -> None:
    (first / "config.yaml").write_text("colour: red\n")
    with pytest.raises(CommandFailed) as refused:
        run(parse(["config", "migrate", "--write"]), {"REBALANCER_HOME": str(first)})
    assert refused.value.exit_code is ExitCode.BAD_INPUT
    assert "config.yaml:1: colour: unknown key" in str(refused.value)
    assert "Nothing was written" in str(refused.value)
