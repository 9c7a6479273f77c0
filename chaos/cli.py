"""The command line of the campaign: `tools/chaos.sh --runs N --seed S`.

Arguments come in. Goes out: progress and broken cases on standard error, the summary as JSON on
standard output, and exit code 1 when a promise was broken or a kind of fault never had an effect.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from app import fork_server

from .campaign import Plan, Tally, run_alone, run_campaign
from .case import Case
from .draw import draw_case
from .faults import KINDS
from .shrink import shrink
from .verdict import Verdict

_SPEED = 20.0
#: Broken cases that are cut down and shown whole; the others are shown by their seeds.
_SHOWN = 3
_LONGEST = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = _parser().parse_args(arguments)
    if given.replay is not None:
        return _replay(given.replay, given.speed, given.sabotage)
    plan = Plan(
        seeds=tuple(range(given.seed, given.seed + given.runs)),
        speed=given.speed,
        workers=given.workers,
        lanes=given.lanes,
        kinds=tuple(given.kind),
        sabotage=given.sabotage,
    )
    with ExitStack() as stack:
        log = stack.enter_context(given.log.open("w")) if given.log else None
        tally = run_campaign(plan, lambda verdict: _tell(verdict, log))
    if not given.no_shrink:
        for verdict in tally.broken[:_SHOWN]:
            _show(verdict, given.sabotage)
    json.dump(summary(tally), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 1 if tally.broken else 0


def summary(tally: Tally) -> dict[str, Any]:
    """The campaign as JSON values."""
    return {
        "runs": tally.runs,
        "seconds": round(tally.seconds, 1),
        "runs_per_minute": round(tally.runs / tally.seconds * 60) if tally.seconds else None,
        "violations": len(tally.broken),
        "broken_seeds": [verdict.case.seed for verdict in tally.broken],
        "outcomes": dict(tally.outcomes),
        "looked_at_again": tally.looked_at_again,
        "faults": {
            kind: {"injected": tally.injected[kind], "fired": tally.fired[kind]} for kind in KINDS
        },
        "never_fired": tally.never_fired,
    }


def _tell(verdict: Verdict, log: TextIO | None) -> None:
    if log is not None:
        log.write(json.dumps(as_json(verdict)) + "\n")
    if verdict.violations:
        kinds = ", ".join(fault.kind for fault in verdict.case.faults)
        lines = [*verdict.violations, *map(str, verdict.outcomes)]
        sys.stderr.write(f"seed {verdict.case.seed}: {kinds}\n")
        sys.stderr.writelines(f"  {line[:_LONGEST]}\n" for line in lines)
        sys.stderr.write(f"  tools/chaos.sh --replay {verdict.case.seed}\n")


def _show(verdict: Verdict, sabotage: str | None) -> None:
    """Cut a broken case down, and tell how it can be run again."""
    fork_server.start()
    last = verdict

    def breaks(case: Case) -> bool:
        nonlocal last
        tried = run_alone(case, sabotage)
        if tried.violations:
            last = tried
        return bool(tried.violations)

    case = shrink(verdict.case, breaks)
    sys.stderr.write(f"\nseed {case.seed}, cut down:\n")
    sys.stderr.writelines(f"  {line}\n" for line in (*last.violations, *last.trace))
    sys.stderr.write(f"tools/chaos.sh --replay '{case.model_dump_json()}'\n")


def as_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON values, without its trace."""
    return {
        "case": json.loads(verdict.case.model_dump_json()),
        "fired": verdict.fired,
        "outcomes": [outcome.model_dump(mode="json") for outcome in verdict.outcomes],
        "parked": verdict.parked,
        "violations": verdict.violations,
        "seconds": round(verdict.seconds, 2),
        "lag": round(verdict.lag, 2),
        "looked_at_again": verdict.looked_at_again,
    }


def _replay(what: str, speed: float, sabotage: str | None) -> int:
    case = Case.model_validate_json(what) if "{" in what else draw_case(int(what), speed=speed)
    fork_server.start()
    verdict = run_alone(case, sabotage)
    sys.stdout.writelines(f"{line}\n" for line in verdict.trace or map(str, verdict.outcomes))
    sys.stdout.writelines(f"broken: {text}\n" for text in verdict.violations)
    return 1 if verdict.violations else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/chaos.sh", description=__doc__)
    add = parser.add_argument
    add("--runs", type=int, default=200, help="cases to run (default: %(default)s)")
    add("--seed", type=int, default=1, help="the first case's seed (default: %(default)s)")
    add("--workers", type=int, default=2, help="worker processes (default: %(default)s)")
    add("--lanes", type=int, default=6, help="cases at a time per worker (default: %(default)s)")
    add("--speed", type=float, default=_SPEED, help="seconds per second (default: %(default)s)")
    add("--replay", metavar="SEED|JSON", help="run one case and print its trace")
    add("--log", type=Path, metavar="FILE", help="write every verdict there, a line of JSON each")
    add("--kind", action="append", default=[], help="a fault that every case shall have")
    add("--no-shrink", action="store_true", help="do not cut broken cases down")
    add("--sabotage", help="break the product first: the campaign has to find it")
    return parser
