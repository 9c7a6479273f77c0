"""Shipped commands as a user runs them, timed from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import summarise

ROOT = Path(__file__).resolve().parent.parent
_ACCOUNT = "DUM959247"
_RUNS = 7


def measure() -> dict[str, Any]:
    """Wall time of `tools/rebalance.sh` previews in a demo home: the first, and warm ones."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        for name in ("accounts.yaml", "config.yaml", "replacement-sets.yaml"):
            shutil.copy(ROOT / name, home)
        shutil.copytree(ROOT / "demo", home / "demo")
        first, *warm = [_preview(home) for _ in range(_RUNS + 1)]
    return {"first_preview_s": round(first, 2), "warm_preview_s": summarise(warm, "s")}


def _preview(home: Path) -> float:
    began = time.monotonic()
    subprocess.run(
        [str(ROOT / "tools" / "rebalance.sh"), "-account", _ACCOUNT],
        env={**os.environ, "REBALANCER_HOME": str(home), "TRADING_MODE": "simulation"},
        check=True,
        capture_output=True,
    )
    return time.monotonic() - began
