"""Files that change under a running service: good ones are in force, bad ones told and refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from app.service.live_settings import LiveSettings
from app.settings import Settings, load_settings


class Watch:
    """Live settings and what they told."""

    def __init__(self, home: Path, variables: Mapping[str, str] = MappingProxyType({})) -> None:
        self.home = home
        self.changed: list[Settings] = []
        self.refused: list[tuple[str, ...]] = []
        self.live = LiveSettings(
            load_settings(home, variables),
            variables,
            changed=self.changed.append,
            refused=self.refused.append,
        )

    def look(self) -> None:
        """As often as it takes until a file that has been written is in force."""
        self.live.look()
        self.live.look()

    def write(self, name: str, text: str) -> None:
        # As editors do it: a new file in place of the old one.
        draft = self.home / f"{name}.new"
        draft.write_text(text)
        os.replace(draft, self.home / name)


@pytest.fixture
def watch(home: Path) -> Watch:
    return Watch(home)


ONE = "accounts:\n  - {account_id: P1, type: paper, broker: paper, strategy_name: other}\n"


def test_a_changed_file_is_in_force_soon(watch: Watch) -> None:
    watch.look()
    assert watch.changed == []
    watch.write("accounts.yaml", ONE)
    watch.look()
    assert [a.strategy_name for a in watch.live().accounts] == ["other"]
    assert watch.changed == [watch.live()]


def test_a_file_that_appears_is_seen(watch: Watch) -> None:
    watch.write("config.yaml", "executor: {max_workers: 3}\n")
    watch.look()
    assert watch.live().config.executor.max_workers == 3


def test_a_file_that_is_being_written_is_not_in_force(watch: Watch) -> None:
    path = watch.home / "config.yaml"
    text = "trading:\n  buy_slippage_percent: 1\nexecutor: {max_workers: 3}\n"
    for length in (0, len(text) // 2, len(text)):
        path.write_text(text[:length])
        watch.live.look()
        assert (watch.changed, watch.refused) == ([], [])
    watch.live.look()
    (settings,) = watch.changed
    assert settings.config.executor.max_workers == 3


def test_a_bad_file_is_told_once_with_its_line_and_what_was_in_force_stays(watch: Watch) -> None:
    before = watch.live()
    watch.write("accounts.yaml", "accounts:\n  - {account_id: P1, typ: paper}\n")
    watch.look()
    watch.look()
    assert watch.live() is before
    (problems,) = watch.refused
    assert any(problem.startswith("accounts.yaml:2: accounts[0].typ: ") for problem in problems)
    assert watch.live.problems == problems


def test_a_corrected_file_ends_the_trouble(watch: Watch) -> None:
    watch.write("accounts.yaml", "accounts: nonsense\n")
    watch.look()
    watch.write("accounts.yaml", ONE)
    watch.look()
    assert watch.live.problems == ()
    assert [a.strategy_name for a in watch.live().accounts] == ["other"]


def test_the_environment_is_that_of_the_start(watch: Watch) -> None:
    watch.write(".env", "TRADING_MODE=live\nLOG_LEVEL=DEBUG\n")
    assert watch.live.reload()
    assert watch.live().mode.value == "simulation"
    assert watch.live().environment.log_level == "INFO"


def test_files_without_an_allocation_service_do_not_replace_those_with_one(home: Path) -> None:
    (home / "config.yaml").write_text("allocations: {base_url: http://127.0.0.1:9}\n")
    watch = Watch(home, {"TRADING_MODE": "paper"})
    watch.write("config.yaml", "executor: {max_workers: 3}\n")
    watch.look()
    (problems,) = watch.refused
    assert problems == (".env: ALLOCATIONS_BASE_URL is needed with TRADING_MODE=paper",)
    assert watch.live().allocations_url == "http://127.0.0.1:9"
