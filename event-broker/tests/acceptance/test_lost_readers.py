"""Terminals that are closed, pipes that nobody reads, disks that are full: a run goes on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from app.events import EventState
from app.store import open_store

if TYPE_CHECKING:
    from .conftest import Shell

pytestmark = pytest.mark.acceptance

ACCOUNTS = """\
accounts:
  - {account_id: MY-PAPER-1, type: paper, broker: paper, strategy_name: global-core-60-40}
"""
REBALANCE = ("rebalance.sh", "-account", "MY-PAPER-1", "-exec", "rebalance")


@pytest.fixture(autouse=True)
def _a_paper_account(shell: Shell) -> None:
    # What could not be written once is then tried at every later occasion.
    shell.environment.pop("PYTHONUNBUFFERED", None)
    (shell.home / "accounts.yaml").write_text(ACCOUNTS)


def assert_it_was_done(shell: Shell) -> None:
    with open_store(f"sqlite:///{shell.home}/data/simulation/events.db") as store:
        assert [event.state for event in store.events.list()] == [EventState.DONE]


@pytest.mark.parametrize("how", ["2>/dev/full", "2>&-", "2> >(:)"])
def test_a_rebalance_whose_progress_nobody_reads_is_completed(shell: Shell, how: str) -> None:
    finished = shell.redirected(how, *REBALANCE)
    assert finished.code == 0
    assert finished.output.endswith("Done.\n")
    assert_it_was_done(shell)


@pytest.mark.parametrize("how", [">/dev/full", ">&-", "> >(:)"])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_result_that_cannot_be_written_is_told_and_changes_no_exit_code(
    shell: Shell, how: str, form: tuple[str, ...]
) -> None:
    finished = shell.redirected(how, *REBALANCE, *form)
    assert finished.code == 0
    assert finished.output == ""
    *_, last = finished.errors.splitlines()
    assert last.startswith("notice: standard output could not be written (")
    assert "the result is kept with its event" in last
    assert finished.errors.count("notice: ") == 1
    assert "Traceback" not in finished.errors
    assert_it_was_done(shell)


def test_an_error_keeps_its_exit_code_with_no_stream_left(shell: Shell) -> None:
    lost = ">&- 2>&- <&-"
    assert shell.redirected(lost, "rebalance.sh", "-account", "nobody", "--json").code == 2


def test_a_terminal_that_is_closed_ends_a_rebalance_in_order(shell: Shell) -> None:
    (shell.home / "config.yaml").write_text("paper: {latency_ms: 3000}\n")
    process = shell.start(*REBALANCE)
    assert process.stderr is not None
    assert process.stdout is not None
    assert any(line.startswith("buying") for line in process.stderr)
    process.stdout.close()
    process.stderr.close()
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 1
    orders = shell.run("orders", "-account", "MY-PAPER-1", "--json")
    assert orders.document["result"]["orders"] == []
