"""The commands that look at an account, for a person and for a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app import simulation

if TYPE_CHECKING:
    from .conftest import Shell

pytestmark = pytest.mark.acceptance

#: 12 GLD at 304.81 and so on, from the demo's scenario.
NET_LIQUIDATION = 113_658.82


def test_every_command_gives_one_document(shell: Shell) -> None:
    # Held here, so that the commands need not start one each.
    with simulation.acquire(shell.home / "data" / "simulator"):
        documents = {}
        visited = shell.run("doctor")
        for command in ("positions", "equity", "orders", "cancel-orders", "doctor"):
            finished = shell.run(command, "-account", "DUM959247", "--json")
            assert finished.code == 0, finished.errors
            assert "error: " not in finished.errors
            documents[command] = finished.document
            assert finished.document["command"] == command
            assert finished.document["error"] is None
    # Without an account, the doctor visits them all.
    assert visited.code == 0
    assert all(name in visited.output for name in ("DUM959247", "DU789012", "DU555555"))
    held = {p["symbol"]: p["quantity"] for p in documents["positions"]["result"]["positions"]}
    assert held["GLD"] == 12
    assert held["UUP"] == 0.4
    assert documents["equity"]["result"]["total_value"] == pytest.approx(NET_LIQUIDATION)
    assert documents["orders"]["result"]["orders"] == []
    assert documents["cancel-orders"]["result"]["ended"] == []
    (diagnosis,) = documents["doctor"]["result"]
    assert [(check["name"], check["verdict"]) for check in diagnosis["checks"]] == [
        ("configuration", "ok"),
        ("gateway reachable", "ok"),
        ("logged in", "ok"),
        ("account present", "ok"),
        ("paper/live agreement", "ok"),
        ("API not read-only", "ok"),
        ("market data", "ok"),
        ("contracts", "ok"),
        ("allocations", "ok"),
        ("clock", "ok"),
    ]


def test_the_example_of_the_readme_works(shell: Shell) -> None:
    readme = Path(__file__).resolve().parents[2] / "README.md"
    example = shell.home / "example.py"
    example.write_text(readme.read_text().split("```python\n")[1].split("```")[0])
    finished = subprocess.run(
        [sys.executable, example.name],
        cwd=shell.home,
        env=shell.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"symbol":"GLD","quantity":12' in finished.stdout
