"""Executions and account values that come twice, late, out of order, corrected, stale or never."""

from __future__ import annotations

from random import Random
from typing import Any

from broker_connector_base.models import Claim
from chaos.case import Anchor, Fault, Moment, World

from .kind import Kind, Site, from_the_start, set_rules

_EXECUTION = "execDetails"
#: account values that tell of cash
_CASH = ("TotalCashValue", "CashBalance", "AvailableFunds", "SettledCash", "SettledCashByDate")


def _some(rng: Random) -> dict[str, Any]:
    return {"nth": rng.randint(1, 3), "times": rng.choice((1, 2, 0))}


def _repeated(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return from_the_start(rng), {**_some(rng), "copies": rng.randint(2, 3)}


def _late(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return from_the_start(rng), {**_some(rng), "seconds": rng.choice((0.3, 1.5, 4.0, 9.0))}


def _reordered(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    after = rng.choice(("orderStatus", "commissionReport", "openOrder", _EXECUTION))
    return from_the_start(rng), {**_some(rng), "after": after, "count": rng.randint(1, 2)}


def _corrected(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    """The price, a part of the quantity, or all of it; a price within the smallest spread."""
    change = rng.choice(({}, {"quantity": 1}, {"quantity": 0}))
    return from_the_start(rng), {"nth": rng.randint(1, 3), "where": {"reqId": -1}, **change}


def _missing(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return from_the_start(rng), {"nth": rng.randint(1, 2), "times": rng.choice((1, 0))}


def _stale_positions(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    moment = Moment(anchor=rng.choice((Anchor.ORDER, Anchor.FILL)), step=rng.randint(0, 10))
    return moment, {"seconds": rng.choice((0.5, 3.0, 15.0, 45.0))}


def _freeze(site: Site, fault: Fault) -> None:
    site.rule(fault, {"action": "stale", **fault.terms})
    site.fired(fault)
    site.lasts(fault.terms["seconds"])


def _stale_cash(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    moment = Moment(anchor=Anchor.FILL, step=rng.randint(0, 10))
    return moment, {"times": rng.choice((1, 2, 6, 0))}


def _old_cash(site: Site, fault: Fault) -> None:
    """Cash as it is now, however it moves from here on; positions are told as they are."""
    told = site.gateway.desk.statement(site.account_id(fault)).everything
    cash = {line.tag: line.value for line in told if line.currency == "USD" and line.tag in _CASH}
    for key, value in cash.items():
        where = {"key": key, "account": site.account_id(fault)}
        rule = {"action": "edit", "message": "accountUpdateMulti", "fields": {"value": value}}
        site.rule(fault, {**rule, "where": where, "times": fault.terms["times"]})


def _on_executions(action: str) -> Any:
    return set_rules({"action": action, "message": _EXECUTION})


REPORT_KINDS = {
    "duplicate execution": Kind(draw=_repeated, strike=_on_executions("duplicate")),
    "late execution": Kind(
        draw=_late, strike=_on_executions("late"), doubt=(Claim.POSITIONS_UNEXPLAINED,)
    ),
    "reordered execution": Kind(
        draw=_reordered,
        strike=_on_executions("reorder"),
        doubt=(Claim.POSITIONS_UNEXPLAINED,),
    ),
    "corrected execution": Kind(
        draw=_corrected,
        strike=_on_executions("correct"),
        doubt=(Claim.POSITIONS_UNEXPLAINED,),
        lasting=True,
    ),
    "commission missing": Kind(
        draw=_missing, strike=set_rules({"action": "swallow", "message": "commissionReport"})
    ),
    "stale positions": Kind(
        draw=_stale_positions, strike=_freeze, doubt=(Claim.POSITIONS_UNEXPLAINED,)
    ),
    "stale cash": Kind(draw=_stale_cash, strike=_old_cash),
}
