"""The account process itself: killed, told to end, stopped, misled about the time, out of disk."""

from __future__ import annotations

import signal
from random import Random
from typing import Any

from broker_connector_base.models import Claim
from chaos.case import Fault, Moment, World

from .kind import ANY_DOUBT, Kind, Site, anywhere, from_the_start


def _any_step(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return anywhere(rng), {}


def _stop(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return anywhere(rng), {"seconds": rng.choice((1.0, 6.0, 25.0, 70.0))}


def _send(number: signal.Signals) -> Any:
    def strike(site: Site, fault: Fault) -> None:
        if site.signal(fault, number):
            site.fired(fault)

    return strike


def _stop_and_go(site: Site, fault: Fault) -> None:
    if not site.signal(fault, signal.SIGSTOP):
        return
    site.fired(fault)
    seconds = fault.terms["seconds"]
    site.exchange.clock.call_later(seconds, lambda: site.signal(fault, signal.SIGCONT))
    site.lasts(seconds)


def _at_a_record(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    """When the process asks for the time, as it does for every quote and every journal record."""
    return from_the_start(rng), {"kill_at": rng.randint(1, 150)}


def _jump(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    seconds = rng.choice((-90_000, -3_600, -30, 30, 3_600, 90_000))
    return from_the_start(rng), {"jump_at": rng.randint(0, 120), "jump_seconds": seconds}


def _fill_disk(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return from_the_start(rng), {"room": rng.randint(0, 2_500)}


def _plan(site: Site, fault: Fault) -> None:
    site.plan_mischief(fault)


PROCESS_KINDS = {
    "killed": Kind(draw=_any_step, strike=_send(signal.SIGKILL), doubt=(Claim.NO_RESULT,)),
    "killed at a record": Kind(draw=_at_a_record, strike=_plan, doubt=(Claim.NO_RESULT,)),
    "told to end": Kind(draw=_any_step, strike=_send(signal.SIGTERM), doubt=(Claim.NO_RESULT,)),
    "stopped and continued": Kind(
        draw=_stop, strike=_stop_and_go, doubt=(*ANY_DOUBT, Claim.NO_RESULT)
    ),
    "clock jump": Kind(draw=_jump, strike=_plan),
    "disk full": Kind(draw=_fill_disk, strike=_plan, doubt=(Claim.ORDERS_IN_DOUBT,)),
}
