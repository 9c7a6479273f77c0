"""The shipped commands, run as a user runs them, in a home directory of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.settings import Environment

REPOSITORY = Path(__file__).resolve().parents[3]


class Finished:
    """What a command left behind."""

    def __init__(self, code: int, output: str, errors: str) -> None:
        self.code = code
        self.output = output
        self.errors = errors

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        found: dict[str, Any] = json.loads(self.output)
        return found


class Shell:
    """Runs commands of the repository against one home directory."""

    def __init__(self, home: Path) -> None:
        self.home = home
        known = {name.upper() for name in Environment.model_fields}
        self.environment = {k: v for k, v in os.environ.items() if k not in known}
        self.environment["REBALANCER_HOME"] = str(home)

    def start(self, tool: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a tool and let it run."""
        return self._start([str(REPOSITORY / "tools" / tool), *arguments], variables)

    def redirected(self, how: str, tool: str, *arguments: str) -> Finished:
        """Run a tool with standard streams that bash redirects."""
        command = [str(REPOSITORY / "tools" / tool), *arguments]
        return self.finish(self._start(["bash", "-c", f'exec "$@" {how}', "bash", *command], {}))

    def _start(self, command: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.home,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Of its own, to be signalled as a terminal does it.
            process_group=0,
        )

    def finish(self, process: subprocess.Popen[str]) -> Finished:
        """Wait for its end."""
        output, errors = process.communicate(timeout=60)
        return Finished(process.returncode, output, errors)

    def rebalance(self, *arguments: str, **variables: str) -> Finished:
        """Run `tools/rebalance.sh`."""
        return self.finish(self.start("rebalance.sh", *arguments, **variables))

    def run(self, *arguments: str, **variables: str) -> Finished:
        """Run `tools/rebalancer.sh`."""
        return self.finish(self.start("rebalancer.sh", *arguments, **variables))

    def simulators(self) -> list[psutil.Process]:
        """The simulators that run for this home directory."""
        state = str(self.home / "data" / "simulator" / "state.json")
        return [p for p in psutil.process_iter(["cmdline"]) if state in (p.info["cmdline"] or [])]

    def assert_no_simulator_is_left(self) -> None:
        """One that is just ending gets a moment to save its state."""
        _, alive = psutil.wait_procs(self.simulators(), timeout=30)
        assert not alive


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    for name in ("accounts.yaml", "config.yaml", "replacement-sets.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "demo", tmp_path / "demo")
    shell = Shell(tmp_path)
    yield shell
    shell.assert_no_simulator_is_left()
