"""What the numbers were measured on, and how a list of numbers becomes one."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Processor, cores, load, memory and Python of this machine."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def summarise(samples: Sequence[float], unit: str, digits: int = 2) -> dict[str, Any]:
    """Median, extremes and count of a series."""
    return {
        "median": round(statistics.median(samples), digits),
        "min": round(min(samples), digits),
        "max": round(max(samples), digits),
        "runs": len(samples),
        "unit": unit,
    }


def _first(path: str, key: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), None)
