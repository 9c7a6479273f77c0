"""How fast and how well batches of accounts are planned, told by the calculator's own script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from benchmarks.allocation import ADAPTER, bench_folder


def measure() -> dict[str, Any]:
    """Accounts a second at 20 symbols, and the gaps to planning each account alone."""
    folder = bench_folder()
    if folder is None:
        return {"skipped": "no allocation bench found; set ALLOCATION_BENCH to its folder"}
    run = subprocess.run(
        [sys.executable, str(ADAPTER / "batch.py")],
        env={**os.environ, "ALLOCATION_BENCH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        return {"failed": run.stderr.strip().splitlines()[-1:]}
    figures: dict[str, Any] = json.loads(run.stdout)
    return figures
