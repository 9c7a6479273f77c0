"""How many orders and quotes a simulated gateway carries, told by its package's own benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_SCRIPT = (
    Path(__file__).resolve().parent.parent
    / "packages"
    / "ibkr-simulator"
    / "benchmarks"
    / "throughput.py"
)


def measure() -> dict[str, Any]:
    """Orders a second of one and of 32 clients, and a stream of 1,000 symbols."""
    done = subprocess.run([sys.executable, _SCRIPT], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
