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


def test_a_strategy_is_previewed_in_one_table(shell: Shell) -> None:
    accounts = shell.home / "accounts.yaml"
    accounts.write_text(accounts.read_text().replace("all-weather-hedged", "global-core-60-40"))
    with simulation.acquire(shell.home / "data" / "simulator"):
        shown = shell.run("plan", "--strategy", "global-core-60-40")
        with accounts.open("a") as file:
            file.write("  - {account_id: DU404, type: paper, strategy_name: global-core-60-40}\n")
        exact = shell.run("plan", "--strategy", "global-core-60-40", "--exact", "--json")
        alone = [
            shell.rebalance("-account", account, "--json").document["result"]
            for account in ("DU789012", "DU555555")
        ]
    assert shown.code == 0, shown.errors + shown.output
    assert exact.code == 1, "an account that the gateway does not have cannot be traded"
    for part in ("Global Core 60/40", "DU789012", "DU555555", "Drift", "Nothing was sent"):
        assert part in shown.output
    assert "DUM959247" not in shown.output, "it follows another strategy"
    assert max(map(len, shown.output.splitlines())) <= 100
    *rows, missing = exact.document["result"]["accounts"]
    assert (missing["account_id"], missing["error"]["kind"]) == ("DU404", "AccountNotFound")
    assert [row["figures"]["proposed_trades"] for row in rows] == [
        preview["proposed_trades"] for preview in alone
    ]
    bought = {total["symbol"]: total["bought"] for total in exact.document["result"]["totals"]}
    assert bought["IVV"] == sum(
        trade["quantity"]
        for preview in alone
        for trade in preview["proposed_trades"]
        if trade["symbol"] == "IVV"
    )


def test_an_unknown_strategy_names_the_known_ones(shell: Shell) -> None:
    refused = shell.run("plan", "--strategy", "nobody")
    assert refused.code == 2
    assert refused.errors == (
        "error: no account follows strategy nobody; accounts.yaml has all-weather-hedged, "
        "etf-blend-301-20, global-core-60-40\n"
    )
