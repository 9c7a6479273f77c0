"""The embedded simulator's life: started by whoever comes first, ended with the last lease."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from app import simulation

HOLDER = """
import sys
from pathlib import Path
from app import simulation
lease = simulation.acquire(Path(sys.argv[1]))
print(lease.port, flush=True)
sys.stdin.read()
"""


def pid_of(directory: Path) -> int:
    pid: int = json.loads((directory / "ready.json").read_text())["pid"]
    return pid


def wait_for_end(pid: int, seconds: float = 10) -> None:
    """Wait until a process, of whoever it is a child, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], seconds)[0], f"process {pid} is still running"
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
    finally:
        os.close(descriptor)


@contextmanager
def holder(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that holds a lease."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_the_first_lease_starts_it_and_the_last_ends_it(tmp_path: Path) -> None:
    with simulation.acquire(tmp_path) as first:
        pid = pid_of(tmp_path)
        assert "DUM959247" in first.accounts
        with simulation.acquire(tmp_path) as second:
            assert (second.host, second.port) == (first.host, first.port)
        # One lease is left, so it goes on.
        socket.create_connection((first.host, first.port), timeout=5).close()
    wait_for_end(pid)
    assert not (tmp_path / "ready.json").exists()


def test_leases_taken_at_the_same_time_share_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        leases = list(pool.map(simulation.acquire, [tmp_path] * 4))
    assert len({lease.port for lease in leases}) == 1
    pid = pid_of(tmp_path)
    for lease in leases:
        lease.close()
    wait_for_end(pid)


def test_a_lease_right_after_the_last_one_starts_a_successor(tmp_path: Path) -> None:
    for _ in range(3):
        simulation.acquire(tmp_path).close()
    with simulation.acquire(tmp_path) as lease:
        socket.create_connection((lease.host, lease.port), timeout=5).close()
        pid = pid_of(tmp_path)
    wait_for_end(pid)


def test_a_killed_command_leaves_none_running(tmp_path: Path) -> None:
    with holder(tmp_path) as (process, _):
        pid = pid_of(tmp_path)
        process.kill()
        wait_for_end(pid)


def test_a_killed_command_takes_it_from_nobody_else(tmp_path: Path) -> None:
    with holder(tmp_path) as (process, port), simulation.acquire(tmp_path) as lease:
        process.kill()
        process.wait()
        assert lease.port == port
        with simulation.acquire(tmp_path) as another:
            assert another.port == port
        pid = pid_of(tmp_path)
    wait_for_end(pid)


def test_one_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with simulation.acquire(tmp_path):
        pid = pid_of(tmp_path)
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
        assert (tmp_path / "ready.json").exists()
        with simulation.acquire(tmp_path) as lease:
            assert pid_of(tmp_path) != pid
            socket.create_connection((lease.host, lease.port), timeout=5).close()
            pid = pid_of(tmp_path)
    wait_for_end(pid)


def test_a_stranger_on_the_control_port_is_not_taken_for_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        ready = {"host": "127.0.0.1", "control_port": port, "pid": 1}
        (tmp_path / "ready.json").write_text(json.dumps(ready))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(simulation.acquire, tmp_path)
            connection, _ = stranger.accept()
            with connection:
                connection.sendall(b"220 mail.example.com ESMTP\r\n")
            with waiting.result() as lease:
                assert lease.port != port
                pid = pid_of(tmp_path)
    wait_for_end(pid)


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("not a state")
    with pytest.raises(simulation.SimulationError, match="did not start") as caught:
        simulation.acquire(tmp_path)
    assert "state.json" in str(caught.value)


def test_one_that_cannot_start_says_nothing_of_earlier_starts(tmp_path: Path) -> None:
    (tmp_path / "simulator.log").write_text("yesterday's trouble\n")
    (tmp_path / "state.json").write_text("not a state")
    for _ in range(2):
        with pytest.raises(simulation.SimulationError) as caught:
            simulation.acquire(tmp_path)
        first, *lines, last = str(caught.value).splitlines()
        assert first.endswith("simulator.log")
        assert [line.startswith("  ibkr_simulator: ") for line in lines] == [True]
        assert last.startswith("`tools/rebalance.sh --reset-demo` deletes its state")


def test_a_reset_forgets_the_state_and_what_tells_of_it(tmp_path: Path) -> None:
    directory, journal = tmp_path / "simulator", tmp_path / "simulation"
    with simulation.acquire(directory):
        pid = pid_of(directory)
    wait_for_end(pid)
    (directory / "state.json").touch()
    (journal / "locks").mkdir(parents=True)
    simulation.reset(directory, journal)
    assert not (directory / "state.json").exists()
    assert not journal.exists()


def test_a_reset_is_refused_while_it_is_in_use(tmp_path: Path) -> None:
    with simulation.acquire(tmp_path) as lease:
        (tmp_path / "state.json").touch()
        with pytest.raises(simulation.SimulationError) as refused:
            simulation.reset(tmp_path)
        assert str(refused.value) == (
            "the simulator is in use by a service or another command; nothing was reset. "
            "Stop the service, or wait for the command to end, then try again."
        )
        assert (tmp_path / "state.json").exists()
        socket.create_connection((lease.host, lease.port), timeout=5).close()
        pid = pid_of(tmp_path)
    wait_for_end(pid)
