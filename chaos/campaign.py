"""Many cases at once: worker processes, each with several cases under way, and what they add up to.

Comes in: seeds. Goes out: a `Tally`, and every verdict that is not in order, as it comes. A promise
that is broken only where the machine was too slow for the speed is looked at again at the end, more
slowly.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from app import fork_server

from .case import Case
from .draw import draw_case
from .drive import run_case
from .faults import KINDS
from .pace import FastLoop
from .verdict import Verdict

#: How much slower a case is looked at again, and once more if the machine was late even so.
_SLOWER = (4.0, 16.0)
#: The case's own seconds, by which nothing that it waits for is missed.
_LATE = 0.25


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run: `lanes` cases at a time in each of `workers` processes."""

    seeds: tuple[int, ...]
    speed: float
    workers: int
    lanes: int
    #: Every case has these faults, besides those drawn.
    kinds: tuple[str, ...] = ()
    sabotage: str | None = None


@dataclass(kw_only=True)
class Tally:
    """What a campaign adds up to."""

    runs: int = 0
    seconds: float = 0.0
    looked_at_again: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self.runs += 1
        self.injected.update({fault.kind for fault in verdict.case.faults})
        self.fired.update(set(verdict.fired))
        self.looked_at_again += verdict.looked_at_again
        if verdict.violations:
            self.broken.append(verdict)
            self.outcomes["broken"] += 1
        else:
            self.outcomes["parked" if verdict.parked else "reached"] += 1

    @property
    def never_fired(self) -> list[str]:
        """Kinds of the list that had no effect in any run."""
        return sorted(set(KINDS) - set(self.fired))


def run_campaign(plan: Plan, report: Callable[[Verdict], None]) -> Tally:
    """Run all seeds; `report` gets each verdict as it comes."""
    tally, began = Tally(), time.monotonic()
    for verdict in _verdicts(plan):
        tally.add(verdict)
        report(verdict)
    tally.seconds = time.monotonic() - began
    return tally


def _verdicts(plan: Plan) -> Iterator[Verdict]:
    context = multiprocessing.get_context("spawn")
    open_pipes: list[Connection] = []
    processes = []
    for number in range(plan.workers):
        ours, theirs = context.Pipe(duplex=False)
        seeds = plan.seeds[number :: plan.workers]
        process = context.Process(target=_work, args=(plan, seeds, theirs))
        process.start()
        theirs.close()
        open_pipes.append(ours)
        processes.append(process)
    while open_pipes:
        for pipe in wait(open_pipes):
            assert isinstance(pipe, Connection)
            try:
                verdict = pipe.recv()
            except EOFError:
                open_pipes.remove(pipe)
            else:
                assert isinstance(verdict, Verdict)
                yield verdict
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a worker of the campaign ended with exit code {process.exitcode}")


def _work(plan: Plan, seeds: Sequence[int], pipe: Connection) -> None:
    """One worker: its seeds, `lanes` at a time."""
    # What the gateway says of clients that it cuts off is expected here.
    logging.basicConfig(level=logging.CRITICAL)
    fork_server.start()
    cases = (draw_case(seed, speed=plan.speed, kinds=plan.kinds) for seed in seeds)

    undecided: list[Verdict] = []

    async def lane() -> None:
        for case in cases:
            verdict = await run_case(case, sabotage=plan.sabotage)
            if verdict.doubtful and not verdict.violations:
                undecided.append(verdict)
            else:
                pipe.send(verdict)

    async def lanes() -> None:
        await asyncio.gather(*(lane() for _ in range(plan.lanes)))

    with asyncio.Runner(loop_factory=lambda: FastLoop(plan.speed)) as runner:
        runner.run(lanes())
    for verdict in undecided:
        pipe.send(_decided(verdict, plan.sabotage))


def run_alone(case: Case, sabotage: str | None = None) -> Verdict:
    """The case's verdict, doubts settled."""
    return _decided(_alone(case, sabotage), sabotage)


def _decided(verdict: Verdict, sabotage: str | None) -> Verdict:
    """What is doubtful about it has to happen again where the machine keeps up, or counts."""
    case = verdict.case
    for slower in _SLOWER:
        once_more = not verdict.looked_at_again or verdict.lag > _LATE
        if verdict.violations or not verdict.doubtful or not once_more:
            break
        verdict = _alone(case.model_copy(update={"speed": case.speed / slower}), sabotage)
        verdict.looked_at_again = True
    verdict.violations += verdict.doubtful
    return verdict


def _alone(case: Case, sabotage: str | None) -> Verdict:
    with asyncio.Runner(loop_factory=lambda: FastLoop(case.speed)) as runner:
        return runner.run(run_case(case, sabotage=sabotage))
