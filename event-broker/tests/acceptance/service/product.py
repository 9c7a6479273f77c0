"""The service as shipped: `python -m app serve` in a home of its own, and what its log says."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from app.settings import Environment

from .market import write_allocations
from .news import PATIENCE, News

OPERATE_KEY = "operate-key-of-the-test"
ABLY_KEY = "standin.key:secret"
APP = (sys.executable, "-P", "-m", "app")

Line = dict[str, Any]

#: What fails for a passing reason comes again soon.
CONFIG = """\
retry: {first_delay_seconds: 1, longest_delay_seconds: 1}
trading: {order_timeout_seconds: 60}
"""


def write_home(home: Path, accounts: Mapping[str, str], config: str = CONFIG) -> None:
    """Configuration files for accounts, by their ids, that follow these strategies."""
    home.mkdir()
    entries = "".join(
        f"  - {{account_id: {account_id}, type: paper, strategy_name: {strategy}}}\n"
        for account_id, strategy in accounts.items()
    )
    (home / "accounts.yaml").write_text(f"accounts:\n{entries}")
    (home / "config.yaml").write_text(config)
    for strategy in set(accounts.values()):
        write_allocations(home / "demo" / "allocations", strategy)


def write_client_ids(home: Path, accounts: Iterable[str]) -> None:
    """What a machine has whose accounts have traded before."""
    (home / "data").mkdir()
    (home / "data" / "client-ids.json").write_text(
        json.dumps({f"{account_id}/trade": client_of(account_id) for account_id in accounts})
    )


def client_of(account_id: str) -> int:
    """The client id by which the gateway knows the account's runs: DU7 has 1007."""
    return 1000 + int(account_id.removeprefix("DU"))


def environment(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Of a process of this home, whatever this machine has set."""
    known = {name.upper() for name in Environment.model_fields}
    ours = {k: v for k, v in os.environ.items() if k not in known}
    return {**ours, "REBALANCER_HOME": str(home), **variables}


def run_command(home: Path, variables: Mapping[str, str], *arguments: str) -> Any:
    """The JSON document of a command that did what it was asked for."""
    ended = subprocess.run(
        [*APP, *arguments, "--json"],
        cwd=home,
        env=environment(home, variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout)["result"]


class Service:
    """A running service, in a process group of its own."""

    def __init__(
        self, home: Path, role: str, variables: Mapping[str, str], wrapper: Sequence[str] = ()
    ) -> None:
        """`wrapper` is a command that runs the one behind it in another way."""
        self.home = home
        self._process = subprocess.Popen(
            [*wrapper, *APP, "serve", "--role", role],
            cwd=home,
            env=environment(
                home, {"API_PORT": "0", "MANAGEMENT_API_KEY": OPERATE_KEY, **variables}
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        #: Everything it has said; what is no JSON stands under `text`.
        self.said: list[Line] = []
        self._news = News()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                try:
                    said = json.loads(line)
                except ValueError:
                    said = {"text": line.rstrip()}
                self.said.append(said)
                self._news.tell()

    # --- what can be seen -------------------------------------------------------------------

    @property
    def pid(self) -> int:
        return self._process.pid

    def until(self, event: str, count: int = 1, **fields: object) -> Line:
        """The latest of `count` lines of its log with this event and these fields."""

        def look() -> list[Line]:
            found = [
                s for s in self.said if s.get("event") == event and fields.items() <= s.items()
            ]
            return found[count - 1 : count]

        return self._news.until(look, lambda: "\n".join(map(str, self.said[-30:])))[0]

    @property
    def words(self) -> str:
        """All that it has said."""
        return "\n".join(map(str, self.said))

    def processes(self) -> list[psutil.Process]:
        """Itself and all that it has started, directly or not."""
        return _with_children(self.pid)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON body of an answer of the API."""
        listening = self.until("api.listening")
        connection = http.client.HTTPConnection(
            listening["host"], listening["port"], timeout=PATIENCE
        )
        try:
            with suppress(ConnectionError):  # it need not listen to the end
                connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        with suppress(ValueError):
            return answer.status, json.loads(text)
        return answer.status, text.decode()

    # --- what is done to it -----------------------------------------------------------------

    def signal(self, number: int) -> None:
        """To the service alone."""
        os.kill(self.pid, number)

    def signal_all(self, number: int) -> None:
        """To the service and everything that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    @contextmanager
    def standing_still(self) -> Iterator[list[psutil.Process]]:
        """For the block it is stopped, with all that it has started: these, and no others."""
        self.signal_all(signal.SIGSTOP)
        try:
            # A fork that was under way comes to its end first, and only then can its child be seen.
            _until_stopped(self.processes())
            yield self.processes()
        finally:
            self.signal_all(signal.SIGCONT)

    def end(self) -> int:
        """Wait until it has ended, and all that it said is read; its exit code."""
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        """The service alone, as the kernel does when memory is short; the others have to see."""
        self.signal(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def kill_all(self) -> None:
        """Everything, as a machine does that loses its power."""
        self.signal_all(signal.SIGKILL)
        self.end()

    def stop(self) -> int:
        """As a supervisor stops it; its exit code."""
        self.signal(signal.SIGTERM)
        return self.end()


def until_run_has_ended(home: Path, account_id: str) -> None:
    """Wait for the end of the process that holds the account's lock."""
    lock = home / "data" / "simulation" / "locks" / f"{account_id}.lock"
    try:
        descriptor = os.pidfd_open(json.loads(lock.read_text())["pid"])
    except (ProcessLookupError, ValueError):
        # It is gone, or has given the lock back.
        return
    try:
        assert select.select([descriptor], [], [], PATIENCE)[0]
    finally:
        os.close(descriptor)


def _until_stopped(processes: Sequence[psutil.Process]) -> None:
    """Nothing tells of a grandchild that it has stopped, which takes it microseconds."""
    deadline = time.monotonic() + PATIENCE
    gone = {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            while process.status() not in gone:
                assert time.monotonic() < deadline, f"{process} does not stop"
                os.sched_yield()


@contextmanager
def seeing_the_end_of_a_run(home: Path, account_id: str) -> Iterator[None]:
    """Something is done in the block that ends the process which holds the account's lock."""
    lock = home / "data" / "simulation" / "locks" / f"{account_id}.lock"
    descriptor = os.pidfd_open(json.loads(lock.read_text())["pid"])
    try:
        yield
        assert select.select([descriptor], [], [], PATIENCE)[0]
    finally:
        os.close(descriptor)


def _with_children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _command(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def assert_nothing_is_left(home: Path) -> None:
    """Whatever was started in this home ends by itself."""

    def is_of_home(process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return Path(process.cwd()) == home
        return False

    found = [process for process in psutil.process_iter() if is_of_home(process)]
    _, alive = psutil.wait_procs(found, timeout=15)
    assert not alive, [(process.pid, _command(process)) for process in alive]


Start = Callable[..., Service]
