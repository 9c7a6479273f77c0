"""Cuts a broken case down: fewer faults, accounts, runs and complications, as long as it breaks.

Comes in: a case, and a way to see whether a case breaks a promise. Goes out: the smallest case that
was found. Processes race, so a smaller case gets a second chance to break before it is given up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from broker_connector_base.values import Value

from .case import Case, Fault

_CHANCES = 2

V = TypeVar("V", bound=Value)


def shrink(case: Case, breaks: Callable[[Case], bool]) -> Case:
    """The smallest case found that still breaks."""
    smaller = next((c for c in _smaller(case) if _breaks(c, breaks)), None)
    return case if smaller is None else shrink(smaller, breaks)


def _breaks(case: Case, breaks: Callable[[Case], bool]) -> bool:
    return any(breaks(case) for _ in range(_CHANCES))


def _smaller(case: Case) -> Iterator[Case]:
    for at in range(len(case.faults)):
        yield _with(case, faults=(*case.faults[:at], *case.faults[at + 1 :]))
    if case.runs > 1:
        faults = tuple(_in_the_first_run(fault) for fault in case.faults)
        yield _with(case, runs=1, faults=faults)
    accounts = case.world.accounts
    if len(accounts) > 1:
        for at, account in enumerate(accounts):
            faults = tuple(
                f.model_copy(update={"account": 0}) for f in case.faults if f.account == at
            )
            yield _with(case, world=_with(case.world, accounts=(account,)), faults=faults)
    if case.world.slices > 1:
        yield _with(case, world=_with(case.world, slices=1, gap=0.0))
    if case.world.latency:
        yield _with(case, world=_with(case.world, latency=0.0))
    yield from _with_fewer_stocks(case)


def _with_fewer_stocks(case: Case) -> Iterator[Case]:
    """Without a stock that nobody holds, targets or lets go wrong."""
    world = case.world
    named = {str(fault.terms.get("symbol")) for fault in case.faults}
    named |= {symbol for a in world.accounts for symbol in (*a.held, *a.weights)}
    if any(stock.symbol not in named for stock in world.stocks):
        kept = tuple(stock for stock in world.stocks if stock.symbol in named)
        yield _with(case, world=_with(world, stocks=kept))


def _in_the_first_run(fault: Fault) -> Fault:
    return fault.model_copy(update={"at": fault.at.model_copy(update={"run": 0})})


def _with(value: V, **changes: Any) -> V:
    return value.model_copy(update=changes)
