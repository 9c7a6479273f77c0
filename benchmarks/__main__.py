"""Run measurements and print one JSON document: python -m benchmarks [NAME ...]."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from benchmarks import allocation, batch, commands, machine, runs, service, simulator, store

MEASUREMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "allocation": allocation.measure,
    "batch": batch.measure,
    "runs": runs.measure,
    "commands": commands.measure,
    "simulator": simulator.measure,
    "store": store.measure,
    "service": service.measure,
}


def main() -> None:
    known = ", ".join(MEASUREMENTS)
    parser = argparse.ArgumentParser(prog="tools/bench.sh", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {known}")
    chosen = parser.parse_args().names or list(MEASUREMENTS)
    if unknown := sorted(set(chosen) - set(MEASUREMENTS)):
        parser.error(f"no such measurement: {', '.join(unknown)}")
    report = {"machine": machine.describe(), **{name: MEASUREMENTS[name]() for name in chosen}}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
