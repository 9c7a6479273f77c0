"""`config.yaml`: defaults, ranges, retired keys, and errors that say where."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.settings.config import Config, read_config
from app.settings.errors import SettingsError

REPOSITORY = Path(__file__).resolve().parents[2]


def read(tmp_path: Path, text: str) -> tuple[Config, tuple[str, ...]]:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return read_config(path)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    return caught.value.problems


def test_an_absent_file_is_all_defaults(tmp_path: Path) -> None:
    config, notices = read_config(tmp_path / "config.yaml")
    assert config.ibkr.request_timeout_seconds == 10
    assert config.ibkr.connection_timeout_seconds == 10
    assert config.ibkr.acknowledgement_timeout_seconds == 5
    assert config.ibkr.price_cache_ttl_seconds == 30
    assert config.ibkr.market_data_type == 1
    assert (config.ibkr.ports.live_internal, config.ibkr.ports.paper_internal) == (4003, 4004)
    assert config.trading.minimum_cash_reserve_usd == 100
    assert config.trading.order_tif == "DAY"
    assert config.trading.buy_slippage_percent == Decimal("0.5")
    assert config.trading.allocation_threshold_percent == Decimal("0.5")
    assert config.trading.order_timeout_seconds == 300
    assert config.pdt_protection.next_execution_time == "09:30"
    assert config.scheduler.market_open_time == "09:30"
    assert config.executor.max_workers == 24
    assert config.api.allocation_timeout_seconds == 30
    assert notices == ()


def test_the_shipped_file_says_nothing_but_the_defaults() -> None:
    config, notices = read_config(REPOSITORY / "config.yaml")
    assert config == Config()
    assert notices == ()


def test_an_empty_file_and_an_empty_section_are_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing\n")[0] == Config()
    assert read(tmp_path, "trading:\n")[0] == Config()


@pytest.mark.parametrize(
    ("section", "key", "low", "high"),
    [
        ("ibkr", "request_timeout_seconds", 5, 60),
        ("ibkr", "connection_timeout_seconds", 5, 60),
        ("ibkr", "acknowledgement_timeout_seconds", 2, 60),
        ("ibkr", "price_cache_ttl_seconds", 10, 300),
        ("ibkr", "market_data_type", 1, 4),
        ("trading", "minimum_cash_reserve_usd", 0, 1000),
        ("trading", "buy_slippage_percent", 0.1, 5),
        ("trading", "allocation_threshold_percent", 0.1, 5),
        ("trading", "order_timeout_seconds", 60, 600),
    ],
)
def test_a_value_outside_its_range_is_refused_with_its_line(
    tmp_path: Path, section: str, key: str, low: float, high: float
) -> None:
    for value in (low, high):
        read(tmp_path, f"{section}:\n  {key}: {value}\n")
    for value in (low - 0.05, high + 1):
        (problem,) = problems(tmp_path, f"{section}:\n  # a comment\n  {key}: {value}\n")
        assert problem.startswith(f"config.yaml:3: {section}.{key}: ")


def test_an_unknown_key_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    assert problems(tmp_path, "trading:\n  buy_slipage_percent: 1\n") == (
        "config.yaml:2: trading.buy_slipage_percent: unknown key; "
        "did you mean buy_slippage_percent?",
    )
    assert problems(tmp_path, "colour: red\n") == ("config.yaml:1: colour: unknown key",)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = "ibkr:\n  market_data_type: 9\ntrading:\n  order_tif: GTD\n  nonsense: 1\n"
    assert [problem.split(": ")[0] for problem in problems(tmp_path, text)] == [
        "config.yaml:2",
        "config.yaml:4",
        "config.yaml:5",
    ]


def test_a_time_in_force_that_needs_a_date_is_refused_with_the_reason(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "trading:\n  order_tif: GTD\n")
    assert problem.startswith(
        "config.yaml:2: trading.order_tif: GTD needs an end date, which cannot be given: use DAY"
    )


def test_keys_that_no_longer_do_anything_are_accepted_with_a_notice(tmp_path: Path) -> None:
    text = """\
ibkr:
  market_data_retry_delay_seconds: 2
  market_data_max_retries: 3
trading:
  order_status_check_interval_seconds: 1
  commission_rate: 0.01
  max_account_utilization: 0.99
replacement:
  any_threshold: 0.5
"""
    config, notices = read(tmp_path, text)
    assert config == Config()
    assert [notice.split(": ")[0] for notice in notices] == [
        "config.yaml:2",
        "config.yaml:3",
        "config.yaml:5",
        "config.yaml:6",
        "config.yaml:7",
        "config.yaml:8",
    ]
    assert all("no longer does anything" in notice for notice in notices)


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    text = "trading:\n  order_tif: DAY\n  order_tif: GTC\n"
    assert problems(tmp_path, text) == (
        "config.yaml:3: trading.order_tif is already set on line 2",
    )


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("scheduler", "market_open_time"),
        ("pdt_protection", "next_execution_time"),
        ("notifications", "digest_time"),
        ("notifications", "alive_time"),
    ],
)
@pytest.mark.parametrize(("written", "right"), [("15:30", "15:30"), ("9:35", "09:35")])
def test_a_time_without_quotes_is_explained(
    tmp_path: Path, section: str, key: str, written: str, right: str
) -> None:
    # YAML 1.1 reads 15:30 as a number to the base of sixty.
    (problem,) = problems(tmp_path, f"{section}:\n  {key}: {written}\n")
    assert problem == f'config.yaml:2: {section}.{key}: should be text: write "{right}" in quotes'
    read(tmp_path, f'{section}: {{{key}: "{right}"}}')


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("2026-13-01", "2026-13-01 cannot be read as YAML's timestamp"),
        ("9" * 5000, f"{'9' * 60}... cannot be read as YAML's int"),
        ("!!bool maybe", "maybe cannot be read as YAML's bool"),
        ("!!timestamp noon", "noon cannot be read as YAML's timestamp"),
        ('!!int ""', " cannot be read as YAML's int"),
        # Python reads it, and does not print it.
        ("0x" + "f" * 5000, f"not 0x{'f' * 58}..."),
    ],
    ids=["no month", "too long", "no truth", "no time", "nothing", "hexadecimal"],
)
def test_a_value_that_cannot_be_read_is_named_with_line_and_key(
    tmp_path: Path, value: str, complaint: str
) -> None:
    (problem,) = problems(tmp_path, f"gates:\n  max_age_minutes: {value}\n")
    assert problem.startswith("config.yaml:2: gates.max_age_minutes: ")
    assert problem.endswith(complaint)


@pytest.mark.parametrize("text", ["trading: [1, 2]\n", "trading: 5\n", "- a list\n", "just text\n"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith("config.yaml:1:")


@pytest.mark.parametrize(
    ("text", "line"),
    [("trading: {order_tif: DAY\n", 2), ("a: b: c\n", 1), ("a: 1\n---\nb: 2\n", 2)],
)
def test_a_file_that_is_not_yaml_is_refused_with_the_line(
    tmp_path: Path, text: str, line: int
) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"config.yaml:{line}: not valid YAML")


def test_a_file_that_contains_itself_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "trading: &loop\n  commission: *loop\n")
    assert problem == "config.yaml:2: trading.commission: an alias refers to itself"


# The greater number would overflow PyYAML's stack.
@pytest.mark.parametrize("depth", [100, 100_000])
def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    assert problems(tmp_path, f"trading:\n  commission: {nested}\n") == (
        "config.yaml:2: is nested too deeply",
    )


def test_aliases_that_are_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 2000))]
    assert problems(tmp_path, "\n".join(lines)) == ("config.yaml: aliases are nested too deeply",)


def test_an_alias_that_is_used_twice_is_no_loop(tmp_path: Path) -> None:
    config, _ = read(
        tmp_path, "notifications: {digest_time: &t '17:30', alive_time: *t}\ntrading: {}\n"
    )
    assert config.notifications.digest_time == config.notifications.alive_time == "17:30"


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "trading:\n  minimum_cash_reserve_usd: .nan\n")
    assert problem.startswith("config.yaml:2: trading.minimum_cash_reserve_usd: ")
