"""Settings of the service's times: sections of `config.yaml`, schedules, the gateway's restart."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from app.settings.accounts import read_accounts
from app.settings.config import Config, read_config
from app.settings.environment import read_environment
from app.settings.errors import SettingsError
from app.settings.schedules import DriftCheck, ScheduledAccount, ScheduledCommand

ACCOUNT = """\
accounts:
  - account_id: DU1
    type: paper
    strategy_name: alpha
"""


def accounts_problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    (tmp_path / "accounts.yaml").write_text(ACCOUNT + text)
    with pytest.raises(SettingsError) as caught:
        read_accounts(tmp_path / "accounts.yaml")
    return caught.value.problems


def config(tmp_path: Path, text: str) -> Config:
    (tmp_path / "config.yaml").write_text(text)
    return read_config(tmp_path / "config.yaml")[0]


def restart_time(tmp_path: Path, text: str) -> time | None:
    environment, _ = read_environment(tmp_path / ".env", {"AUTO_RESTART_TIME": text})
    return environment.auto_restart_time


def test_an_account_has_times_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "accounts.yaml").write_text(
        ACCOUNT
        + """\
    schedule:
      - {cron: "45 9 * * 1", command: rebalance}
      - {cron: "0 15 * * *", command: print-rebalance, time_zone: Europe/Berlin}
    drift_check: {cron: "0 12 * * 1-5", band_percent: 2.5}
"""
    )
    (account,), notices = read_accounts(tmp_path / "accounts.yaml")
    assert isinstance(account, ScheduledAccount)
    assert account.schedule == (
        ScheduledCommand(cron="45 9 * * 1", command="rebalance", time_zone="America/New_York"),
        ScheduledCommand(cron="0 15 * * *", command="print-rebalance", time_zone="Europe/Berlin"),
    )
    assert account.drift_check == DriftCheck(cron="0 12 * * 1-5", band_percent=Decimal("2.5"))
    assert notices == ()


@pytest.mark.parametrize(
    ("cron", "what"),
    [
        ("45 9 * *", "should be minute, hour, day, month, weekday as in cron"),
        ("0 45 9 * * 1", "should be minute, hour, day, month, weekday as in cron"),
        ("61 9 * * *", "(Bad minute)"),
        ("0 9 31 2 *", "as in cron"),
        # A fifth Friday of February that is the first of the month.
        ("0 9 */31 2 5#5", "never comes"),
    ],
)
def test_a_time_that_never_comes_is_refused_with_its_line(
    tmp_path: Path, cron: str, what: str
) -> None:
    (problem,) = accounts_problems(
        tmp_path, f'    schedule:\n      - cron: "{cron}"\n        command: rebalance\n'
    )
    assert problem.startswith("accounts.yaml:6: accounts[0].schedule[0].cron:")
    assert what in problem


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            '{cron: "0 9 * * *", command: cancel-orders}',
            "schedule[0].command: should be 'rebalance' or 'print-rebalance', not 'cancel-orders'",
        ),
        ('{cron: "0 9 * * *"}', "schedule[0].command: is missing"),
        (
            '{cron: "0 9 * * *", command: rebalance, time_zone: Mars/Base}',
            "schedule[0].time_zone: should be a time zone such as America/New_York, "
            "not 'Mars/Base'",
        ),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(
    tmp_path: Path, entry: str, problem: str
) -> None:
    problems = accounts_problems(tmp_path, f"    schedule: [{entry}]\n")
    assert problems == (f"accounts.yaml:5: accounts[0].{problem}",)


@pytest.mark.parametrize(("low", "high"), [("0", "100.1")])
def test_a_drift_band_is_a_percentage(tmp_path: Path, low: str, high: str) -> None:
    for band in (low, high):
        (problem,) = accounts_problems(
            tmp_path, f'    drift_check: {{cron: "0 9 * * *", band_percent: {band}}}\n'
        )
        assert "drift_check.band_percent: should be" in problem


def test_levels_may_be_written_without_quotes(tmp_path: Path) -> None:
    text = "notifications:\n  rebalanced: off\n  digest: on\n  failed: 'off'\n  stale: silent\n"
    levels = config(tmp_path, text).notifications
    assert (levels.rebalanced, levels.digest, levels.failed, levels.stale) == (
        "off",
        "on",
        "off",
        "silent",
    )


def test_what_needs_a_person_cannot_be_turned_off(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"notifications\.needs_attention: unknown key"):
        config(tmp_path, "notifications:\n  needs_attention: off\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11:59 PM", time(23, 59)),
        ("12:05 am", time(0, 5)),
        ("12:30 PM", time(12, 30)),
        ("01:15AM", time(1, 15)),
        ("23:59", time(23, 59)),
    ],
)
def test_the_gateway_s_restart_is_a_minute_of_the_day(
    tmp_path: Path, text: str, expected: time
) -> None:
    assert restart_time(tmp_path, text) == expected


@pytest.mark.parametrize("text", ["midnight", "24:00", "13:00 PM", "0:10 AM", "12:60"])
def test_a_restart_time_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"AUTO_RESTART_TIME: .*should be a time such as"):
        restart_time(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'scheduler:\n  market_open_time: "16:00"\n',
            "config.yaml:2: scheduler.market_open_time: should be before 15:50, not '16:00': ",
        ),
        # With the delay after the open it would be 15:55.
        (
            'scheduler:\n  market_open_time: "15:50"\n',
            "config.yaml:2: scheduler.market_open_time: should be before 15:50, not '15:50': ",
        ),
        (
            "gates: {delay_after_open_seconds: 90}\n"
            'pdt_protection:\n  next_execution_time: "17:30"',
            "config.yaml:3: pdt_protection.next_execution_time: should be before 15:54, ",
        ),
    ],
)
def test_a_time_at_which_nothing_is_begun_any_more_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        config(tmp_path, text)
    (told,) = caught.value.problems
    assert told.startswith(problem)
    assert "gates.stop_before_close_seconds (300) before the close at 16:00" in told


@pytest.mark.parametrize(
    "text",
    [
        'scheduler: {market_open_time: "15:49"}',
        'scheduler: {market_open_time: "15:53"}\ngates: {delay_after_open_seconds: 90}',
        'pdt_protection: {next_execution_time: "15:59"}\n'
        "gates: {delay_after_open_seconds: 0, stop_before_close_seconds: 0}",
        'scheduler: {market_open_time: "00:00"}',
        "gates: {delay_after_open_seconds: 7200, stop_before_close_seconds: 7200}",
    ],
)
def test_a_time_at_which_something_may_begin_is_kept(tmp_path: Path, text: str) -> None:
    config(tmp_path, text)


def test_late_times_and_missing_files_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        config(tmp_path, "paper: {market: nowhere}\nscheduler: {market_open_time: '16:00'}\n")
    assert [problem.split(" ")[0] for problem in caught.value.problems] == [
        "config.yaml:1:",
        "config.yaml:2:",
    ]
