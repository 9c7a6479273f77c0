"""Connections that end, gateways that restart, a link to the broker that is lost, pacing."""

from __future__ import annotations

from random import Random
from typing import Any

from chaos.case import Fault, Moment, World

from .kind import ANY_DOUBT, Kind, Site, anywhere, set_rules, while_trading


def _drop(how: str) -> Kind:
    def draw(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
        direction = rng.choice(("request", "reply"))
        return anywhere(rng), {"direction": direction, "delivered": rng.random() < 0.5}

    return Kind(draw=draw, strike=set_rules({"action": "drop", "how": how}), doubt=ANY_DOUBT)


def _restart(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return anywhere(rng), {
        "seconds": rng.choice((1.0, 8.0, 30.0)),
        "outage": rng.choice((0.0, 5.0)),
    }


def _outage(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return while_trading(rng, 12), {"seconds": rng.choice((1.0, 4.0, 12.0, 40.0))}


def _lose_link(restored: int) -> Any:
    def strike(site: Site, fault: Fault) -> None:
        _begin(site, fault, {"action": "outage", "restored": restored, **fault.terms})

    return strike


def _restart_gateway(site: Site, fault: Fault) -> None:
    _begin(site, fault, {"action": "restart", **fault.terms})


def _begin(site: Site, fault: Fault, rule: dict[str, Any]) -> None:
    # A gateway that is down already cannot go down.
    site.rule(fault, rule)
    site.fired(fault)
    site.lasts(fault.terms["seconds"] + fault.terms.get("outage", 0.0))


def _too_fast(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return anywhere(rng), {"times": rng.choice((1, 1, 2, 3))}


LINK_KINDS = {
    "connection reset": _drop("rst"),
    "connection closed": _drop("fin"),
    "connection half-open": _drop("half-open"),
    "gateway restart": Kind(draw=_restart, strike=_restart_gateway, doubt=ANY_DOUBT),
    "link lost, data lost (1101)": Kind(draw=_outage, strike=_lose_link(1101), doubt=ANY_DOUBT),
    "link lost, data kept (1102)": Kind(draw=_outage, strike=_lose_link(1102), doubt=ANY_DOUBT),
    "pacing violation": Kind(
        draw=_too_fast,
        strike=set_rules({"action": "pacing", "direction": "request"}),
        doubt=ANY_DOUBT,
    ),
}
