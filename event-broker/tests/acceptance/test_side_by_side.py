"""Commands at the same time, and commands that are killed."""

from __future__ import annotations

import json
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest

from app import simulation
from rebalance_workflow import AccountLock

if TYPE_CHECKING:
    from .conftest import Shell

pytestmark = pytest.mark.acceptance


def test_two_accounts_at_once_share_a_simulator_and_have_their_own_ids(shell: Shell) -> None:
    running = [
        shell.start("rebalance.sh", "-account", account, "--json")
        for account in ("DUM959247", "DU789012")
    ]
    finished = [shell.finish(process) for process in running]
    assert [command.code for command in finished] == [0, 0], finished[0].errors + finished[1].errors
    ids = json.loads((shell.home / "data" / "client-ids.json").read_text())
    assert set(ids) == {"DUM959247/trade", "DU789012/trade"}
    assert len(set(ids.values())) == 2
    log = (shell.home / "data" / "logs" / "simulation.log").read_text()
    for number in ids.values():
        assert f"with clientId {number}" in log
    shell.assert_no_simulator_is_left()


def test_a_second_run_of_one_account_waits_for_the_first(shell: Shell) -> None:
    arguments = ("-account", "DUM959247", "-exec", "rebalance")
    first = shell.start("rebalance.sh", *arguments)
    assert first.stderr is not None
    # Begun: one that is asked for before that merges with it, and there is one run for both.
    assert any(line.startswith("reading") for line in first.stderr)
    running = [first, shell.start("rebalance.sh", *arguments)]
    finished = [shell.finish(process) for process in running]
    assert [command.code for command in finished] == [0, 0], finished[0].errors + finished[1].errors
    outputs = sorted(command.output.splitlines()[-1].strip() for command in finished)
    assert outputs == ["Done.", "Nothing to do: the account is on its targets."]


def test_a_killed_run_leaves_no_simulator_and_the_next_one_finishes_the_job(shell: Shell) -> None:
    arguments = ("-account", "DUM959247", "-exec", "rebalance")
    process = shell.start("rebalance.sh", *arguments)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("selling"):
            break
    process.kill()
    process.communicate()
    shell.assert_no_simulator_is_left()
    finished = shell.rebalance(*arguments, "--json")
    assert finished.code == 0, finished.errors
    assert (
        shell.rebalance("-account", "DUM959247", "--json").document["result"]["proposed_trades"]
        == []
    )
    # GLD was held 12 times and belongs to no target: sold once, not twice.
    held = shell.run("positions", "-account", "DUM959247", "--json").document["result"]
    assert "GLD" not in {position["symbol"] for position in held["positions"]}


def steer(shell: Shell, **request: object) -> None:
    """Say something to the running simulator's control port."""
    ready = json.loads((shell.home / "data" / "simulator" / "ready.json").read_text())
    with socket.create_connection((ready["host"], ready["control_port"]), timeout=5) as control:
        control.sendall(json.dumps(request).encode() + b"\n")
        assert json.loads(control.makefile().readline())["ok"]


def sell_no_more_than_ten(shell: Shell) -> None:
    """The purchase of BTAL is not completed."""
    terms = {"message": "placeOrder", "symbol": "BTAL", "sizes": [10], "seconds": 300}
    steer(shell, op="fault", action="partial", **terms)


def test_ctrl_c_cancels_the_orders_that_are_working(shell: Shell) -> None:
    with simulation.acquire(shell.home / "data" / "simulator"):
        sell_no_more_than_ten(shell)
        process = shell.start("rebalance.sh", "-account", "DUM959247", "-exec", "rebalance")
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("buying") and "BTAL" in line:
                break
        process.send_signal(signal.SIGINT)
        interrupted = shell.finish(process)
        assert interrupted.code == 1
        assert "none of its orders works any more; traded: " in interrupted.errors
        assert "BTAL +10 at 17." in interrupted.errors
        assert "GLD -12 at 304.8100" in interrupted.errors
        orders = shell.run("orders", "-account", "DUM959247", "--json")
        assert orders.document["result"]["orders"] == []


def test_the_orders_of_a_killed_run_are_taken_back_before_its_simulator_ends(shell: Shell) -> None:
    with simulation.acquire(shell.home / "data" / "simulator"):
        sell_no_more_than_ten(shell)
        steer(shell, op="fault", action="delay", message="cancelOrder", seconds=2)
        process = shell.start("rebalance.sh", "-account", "DUM959247", "-exec", "rebalance")
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("buying") and "BTAL" in line:
                break
    # Only the run keeps it going from here on.
    process.kill()
    process.communicate()
    shell.assert_no_simulator_is_left()
    orders = shell.run("orders", "-account", "DUM959247", "--json")
    assert orders.document["result"]["orders"] == []
    preview = shell.rebalance("-account", "DUM959247", "--json")
    assert "BTAL" in {trade["symbol"] for trade in preview.document["result"]["proposed_trades"]}


def test_ctrl_c_while_another_run_is_waited_for_ends_at_once(shell: Shell) -> None:
    locks = shell.home / "data" / "simulation" / "locks"
    with AccountLock(locks, "DUM959247", command="the first run"):
        process = shell.start("rebalance.sh", "-account", "DUM959247", "-exec", "rebalance")
        assert process.stderr is not None
        assert "waiting: account DUM959247 is in use by the first run" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        interrupted = shell.finish(process)
    assert time.monotonic() - began < 10
    assert interrupted.code == 1
    assert interrupted.errors == "error: rebalance was interrupted; no order was sent\n"
