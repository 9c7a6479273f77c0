"""How close the planner comes to the mathematical optimum, told by the allocation bench itself.

The bench (`score.py`, `properties.py`, reference optima) is not part of this repository: its folder
is `$ALLOCATION_BENCH`, or `shared/bench/allocation` beside the checkout. Without it the measurement
is skipped and says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ADAPTER = ROOT / "packages" / "rebalance-calculator" / "benchmarks"


def bench_folder() -> Path | None:
    beside = ROOT.parent / "shared" / "bench" / "allocation"
    folder = Path(os.environ.get("ALLOCATION_BENCH", beside))
    return folder if (folder / "score.py").exists() else None


def measure(examples: int = 2000) -> dict[str, Any]:
    """Gap to the reference optimum, time per case and broken rules, on known and on new cases."""
    folder = bench_folder()
    if folder is None:
        return {"skipped": "no allocation bench found; set ALLOCATION_BENCH to its folder"}
    references = str(folder / "refs_seed7_600.json")
    return {
        "reference_cases": score(folder, "--cases", "600", "--seed", "7", "--refs", references),
        # Optima are found on the spot, a second per case at most: large ones are not proven.
        "unseen_cases": score(folder, "--cases", "120", "--seed", str(_UNSEEN_SEED)),
        "properties": properties(folder, examples),
    }


#: Any other seed than the reference's.
_UNSEEN_SEED = 20261121


def score(folder: Path, *cases: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        rows_file = Path(scratch) / "rows.json"
        arguments = ["--solver", "adapter:solve", "--json", str(rows_file)]
        run = _run(folder / "score.py", *arguments, *cases)
        if not rows_file.exists():
            return {"failed": run.stderr.strip().splitlines()[-1:]}
        rows = json.loads(rows_file.read_text())["adapter:solve"]
    return {
        "all": _figures(rows),
        "whole_shares": _figures([row for row in rows if "fractional" not in row["id"]]),
        "fractional_lots": _figures([row for row in rows if "fractional" in row["id"]]),
    }


def properties(folder: Path, examples: int) -> dict[str, Any]:
    run = _run(folder / "properties.py", SOLVER="adapter:solve", EXAMPLES=str(examples))
    return {"examples": examples, "passed": run.returncode == 0, "lines": run.stdout.splitlines()}


def _figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    gaps = [row["gap"] for row in rows if row.get("gap") is not None]
    seconds = [row["s"] for row in rows if "s" in row]
    return {
        "cases": len(rows),
        "failed": sum(row["fail"] is not None for row in rows),
        "broken_rules": sum(bool(row.get("broken")) for row in rows),
        "gap_bp": {name: round(float(np.percentile(gaps, at)), 4) for name, at in _MARKS.items()},
        "milliseconds": {
            name: round(float(np.percentile(seconds, at)) * 1e3, 2) for name, at in _MARKS.items()
        },
    }


_MARKS = {"median": 50, "p95": 95, "max": 100}


def _run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=ADAPTER,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
