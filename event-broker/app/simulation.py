"""The embedded gateway simulator: whoever comes first starts it, the last one's leaving ends it.

A command holds a lease, which is an open connection to the simulator's control port, and so does
its account process, which may have orders to take back when the command is killed. The kernel
closes it however the command ends, and the simulator ends itself with its last lease, so nothing is
ever left running. Starting is guarded by a file lock; a simulator that is on its way out answers no
lease, and its successor waits for the state file's own lock. This module starts a process and talks
to it; it never imports the simulator.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from app import file_lock

#: A running simulator answers a lease at once; one that does not is ending or is somebody else.
_ANSWER_SECONDS = 5.0
#: Interpreter start and loading, plus up to 10 s of waiting for a predecessor to save its state.
_START_SECONDS = 30.0
#: Whoever holds a lock starts a simulator, or saves the state of one that ends.
_LOCK_SECONDS = 60.0
_LOG_TAIL_LINES = 5
#: What is raised where nobody answers, or answers as no simulator does.
_NO_LEASE = (OSError, ValueError, KeyError, TypeError)


class SimulationError(Exception):
    """The simulator could not be started, or cannot be reset now; no order was sent."""


class SimulatorFiles(NamedTuple):
    """Where the simulator keeps things."""

    directory: Path

    @property
    def state(self) -> Path:
        return self.directory / "state.json"

    @property
    def ready(self) -> Path:
        return self.directory / "ready.json"

    @property
    def log(self) -> Path:
        return self.directory / "simulator.log"

    @property
    def state_lock(self) -> Path:
        """Held by the simulator for its whole life."""
        return self.directory / "state.json.lock"

    @property
    def start_lock(self) -> Path:
        """Held by a command while it looks for a simulator or starts one."""
        return self.directory / "start.lock"


class SimulatorLease:
    """A claim on the running simulator; it lasts until `close` or the end of this process."""

    def __init__(self, connection: socket.socket, answer: dict[str, Any]) -> None:
        self._connection = connection
        self.host: str = answer["host"]
        self.port: int = answer["port"]
        #: Where it listens, and the port at which others join it.
        self.address = (self.host, self.port, int(connection.getpeername()[1]))
        self.accounts: tuple[str, ...] = tuple(answer["accounts"])

    def is_alive(self) -> bool:
        """Whether the simulator is still there: it says nothing more until it ends."""
        return not select.select([self._connection], [], [], 0)[0]

    def close(self) -> None:
        """Give the simulator up; it ends when nobody else holds it."""
        self._connection.close()

    def __enter__(self) -> SimulatorLease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def acquire(directory: Path) -> SimulatorLease:
    """A lease on the simulator of this state directory, which is started when none is running.

    Blocks up to half a minute. Raises `SimulationError` with what the simulator said last.
    """
    files = SimulatorFiles(directory)
    with _locked(files.start_lock):
        return _lease_running(files) or _start(files)


def join(host: str, control_port: int) -> SimulatorLease:
    """One more lease on a simulator; raises `SimulationError` when it gives none any more."""
    try:
        return _lease(host, control_port)
    except _NO_LEASE as error:
        raise SimulationError(f"the simulator gives no lease: {error}") from error


def reset(directory: Path, *also: Path, locks: Path | None = None) -> None:
    """Put the demo accounts back: forget the state, and the directories in `also` that tell of it.

    Raises `SimulationError` while a simulator is in use, or one of the `locks` is held: accounts
    that need no simulator are known by their locks.
    """
    files = SimulatorFiles(directory)
    with _locked(files.start_lock):
        if locks is not None:
            _require_free(locks)
        if (lease := _lease_running(files)) is not None:
            lease.close()
            raise SimulationError(
                "the simulator is in use by a service or another command; nothing was reset. "
                "Stop the service, or wait for the command to end, then try again."
            )
        # A simulator that is just ending saves its state last of all: wait until it has.
        with _locked(files.state_lock):
            files.state.unlink(missing_ok=True)
            for path in also:
                shutil.rmtree(path, ignore_errors=True)


def _require_free(locks: Path) -> None:
    for path in sorted(locks.glob("*.lock")):
        with path.open("a") as guard:
            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SimulationError(
                    f"an account is in use by another run ({path.name}); nothing was reset. "
                    "Wait for that run to end, then try again."
                ) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        with file_lock.held(path, _LOCK_SECONDS):
            yield
    except file_lock.StillLocked as error:
        raise SimulationError(f"{error}; end it and try again") from error


def _lease_running(files: SimulatorFiles) -> SimulatorLease | None:
    try:
        ready = json.loads(files.ready.read_text())
        return _lease(ready["host"], ready["control_port"])
    except _NO_LEASE:
        # No file, a file of a simulator that was killed, or one that is just ending.
        return None


def _lease(host: str, control_port: int) -> SimulatorLease:
    connection = socket.create_connection((host, control_port), timeout=_ANSWER_SECONDS)
    try:
        connection.sendall(b'{"op":"lease"}\n')
        with connection.makefile("rb") as lines:
            answer = json.loads(lines.readline())
        if not answer["ok"]:
            raise ValueError("refused")
        return SimulatorLease(connection, answer)
    except BaseException:
        connection.close()
        raise


def _start(files: SimulatorFiles) -> SimulatorLease:
    command = [sys.executable, "-P", "-m", "ibkr_simulator", "serve", "--host", "127.0.0.1"]
    command += ["--port", "0", "--control-port", "0", "--scenario", "demo"]
    command += ["--state", str(files.state), "--ready-file", str(files.ready)]
    command += ["--exit-when-unused"]
    with files.log.open("ab") as log:
        earlier = log.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            # Detached from the terminal: Ctrl-C is for the command, which then drops its lease.
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        line = _first_line(process.stdout, _START_SECONDS)
        ready = json.loads(line)
        lease = _lease(ready["host"], ready["control_port"])
    except _NO_LEASE as error:
        process.kill()
        process.wait()
        words = f"the simulator did not start: {_last_words(files.log, earlier)}"
        if files.state.exists():
            words += "\n`tools/rebalance.sh --reset-demo` deletes its state: the demo begins anew"
        raise SimulationError(words) from error
    finally:
        process.stdout.close()
    # It outlives this command when others use it, so nobody here waits for it.
    process.returncode = 0
    return lease


def _first_line(stream: IO[bytes], seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    line = b""
    while not line.endswith(b"\n"):
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not select.select([stream], [], [], remaining)[0]:
            raise TimeoutError("no word from the simulator")
        part = os.read(stream.fileno(), 65536)
        if not part:
            raise ValueError("the simulator ended")
        line += part
    return line


def _last_words(log: Path, start: int) -> str:
    """The end of what was logged from `start`, a number of bytes, on."""
    text = log.read_bytes()[start:].decode(errors="replace")
    return "\n  ".join([f"see {log}", *text.splitlines()[-_LOG_TAIL_LINES:]])
