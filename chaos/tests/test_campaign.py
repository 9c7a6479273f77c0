"""The campaign itself: it passes on the product, and finds every broken one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.acceptance


def campaign(*options: str) -> tuple[dict[str, Any], str]:
    """The summary and what was said; account processes are not slowed down by coverage."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_PROCESS")}
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found, done.stderr


def test_no_promise_is_broken_in_200_runs_through_every_kind_of_fault() -> None:
    summary, said = campaign("--runs", "200", "--seed", "1")
    assert summary["violations"] == 0, said
    assert summary["runs"] == 200
    assert summary["never_fired"] == []


@pytest.mark.parametrize(
    ("sabotage", "kind", "runs"),
    [
        ("send again", "acknowledgement never comes", 12),
        ("believe false ends", "cancelled by the library only", 12),
        ("write intents late", "commission missing", 4),
        ("forget earlier runs", "killed", 6),
        ("trust the first look", "stale positions", 12),
        ("ignore outsiders", "order of another client", 8),
        ("spend the reserve", "commission missing", 4),
        ("blame the neighbour", "order of another client", 4),
    ],
)
def test_a_broken_product_is_found(sabotage: str, kind: str, runs: int) -> None:
    summary, _ = campaign(
        *("--sabotage", sabotage, "--kind", kind, "--kind", kind),
        *("--runs", str(runs), "--seed", "1", "--workers", "1", "--lanes", "8", "--no-shrink"),
    )
    assert summary["violations"] > 0
