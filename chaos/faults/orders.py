"""Orders that nobody answers, that are refused, that stall, and cancellations that fail."""

from __future__ import annotations

from random import Random
from typing import Any

from broker_connector_base.models import Claim
from chaos.case import FIRST_CLIENT_ID, Fault, Moment, World
from simulated_exchange import FillPolicy

from .kind import Kind, Site, a_symbol, from_the_start, set_rules

#: Refusals of a new order (facts on error codes: 201, 203, 383, 387, 460, 10243).
_REFUSALS = (201, 203, 383, 387, 460, 10243)
#: Refusals of a cancellation.
_CANCEL_REFUSALS = (10147, 10148, 161, 201)
#: Codes that a client library takes for the end of a live order.
_FALSE_ENDS = (10349, 10147, 161)


def _nth(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return from_the_start(rng), {"nth": rng.randint(1, 4), "times": rng.choice((1, 1, 2))}


def _unheard(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    held = rng.choice((0.0, 10.0, 20.0, 40.0))
    return from_the_start(rng), {"symbol": a_symbol(rng, world), "held": held}


def _never_acknowledged(site: Site, fault: Fault) -> None:
    """The order lives, and nothing that the gateway would say of it at once arrives.

    It fills at once, or only when the run has long given it up.
    """
    symbol, held = fault.terms["symbol"], fault.terms["held"]
    if held:
        exchange = site.exchange
        exchange.set_fill_policy(symbol, FillPolicy.never())
        exchange.clock.call_later(held, lambda: exchange.set_fill_policy(symbol, None))
        site.lasts(held)
    # Of our order alone: an outsider's must not be missing from the list of open orders.
    own = {"clientId": FIRST_CLIENT_ID + fault.account}
    lost = {"action": "swallow", "symbol": symbol}
    for message in ("openOrder", "orderStatus"):
        site.rule(fault, {**lost, "message": message, "times": 2, "where": own})
    unasked = {**own, "reqId": -1}
    site.rule(fault, {**lost, "message": "execDetails", "times": 4, "where": unasked})
    site.rule(fault, {**lost, "message": "commissionReport", "times": 4})


def _refusal(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    moment, terms = _nth(rng, world)
    return moment, {**terms, "code": rng.choice(_REFUSALS)}


def _late_word(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    seconds = rng.choice((3.0, 6.0, 9.0, 20.0))
    return from_the_start(rng), {"symbol": a_symbol(rng, world), "seconds": seconds}


def _acknowledged_late(site: Site, fault: Fault) -> None:
    """The word on the order, and all that is told after it, waits."""
    site.rule(fault, {"action": "delay", "message": "openOrder", **fault.terms})
    site.lasts(fault.terms["seconds"])


def _false_end(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    """The order fills slowly, so that it lives when it is said to have ended."""
    code, first = rng.choice(_FALSE_ENDS), rng.random() < 0.3
    terms = {"symbol": a_symbol(rng, world), "code": code, "first": first}
    return from_the_start(rng), {**terms, "gap": rng.choice((0.5, 3.0, 20.0))}


def _say_it_ended(site: Site, fault: Fault) -> None:
    terms = {name: fault.terms[name] for name in ("symbol", "code", "first")}
    slow = FillPolicy.partial(2, 2, 2, gap=fault.terms["gap"])
    site.exchange.set_fill_policy(fault.terms["symbol"], slow)
    site.rule(fault, {"action": "notice", "message": "placeOrder", **terms})


def _stalling(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    filled = rng.choice((0, 1, 3, 10))
    return from_the_start(rng), {"symbol": a_symbol(rng, world), "filled": filled}


def _stall(site: Site, fault: Fault) -> None:
    """Orders of the symbol fill so many shares and no more."""
    sizes = [fault.terms["filled"]] if fault.terms["filled"] else []
    site.exchange.set_fill_policy(fault.terms["symbol"], FillPolicy.partial(*sizes, stall=True))
    site.stalled(fault)


def _refused_cancel(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    moment, terms = _stalling(rng, world)
    times = rng.choice((1, 2, 0))
    return moment, {**terms, "code": rng.choice(_CANCEL_REFUSALS), "times": times}


def _refuse_cancel(site: Site, fault: Fault) -> None:
    _stall(site, fault)
    terms = {"code": fault.terms["code"], "times": fault.terms["times"]}
    site.rule(fault, {"action": "reject", "message": "cancelOrder", **terms})


def _late_fill(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    moment, terms = _stalling(rng, world)
    seconds = rng.choice((0.0, 0.5, 3.0))
    return moment, {**terms, "seconds": seconds, "confirmed": rng.random() < 0.5}


def _fill_after_cancel(site: Site, fault: Fault) -> None:
    _stall(site, fault)
    terms = {name: fault.terms[name] for name in ("symbol", "seconds", "confirmed")}
    site.rule(fault, {"action": "fill_after_cancel", **terms})
    if fault.terms["confirmed"]:
        site.deceives(fault.terms["symbol"])
    site.lasts(fault.terms["seconds"])


def _unheard_cancel(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    moment, terms = _stalling(rng, world)
    return moment, {**terms, "heard": rng.random() < 0.5, "times": rng.choice((1, 2, 0))}


def _never_cancelled(site: Site, fault: Fault) -> None:
    """Either the cancellation never arrives, or its confirmation does not."""
    _stall(site, fault)
    lost: dict[str, Any] = {"message": "cancelOrder"}
    if fault.terms["heard"]:
        lost = {"message": "orderStatus", "where": {"status": "Cancelled"}}
    site.rule(fault, {"action": "swallow", "times": fault.terms["times"], **lost})


_ODD_PRICE = {
    "action": "reject",
    "code": 110,
    "message": "placeOrder",
    "where": {"orderType": "LMT"},
}

ORDER_KINDS = {
    "acknowledgement never comes": Kind(
        draw=_unheard,
        strike=_never_acknowledged,
        doubt=(Claim.ORDERS_IN_DOUBT, Claim.POSITIONS_UNEXPLAINED),
    ),
    "acknowledgement comes late": Kind(
        draw=_late_word,
        strike=_acknowledged_late,
        doubt=(Claim.ORDERS_IN_DOUBT, Claim.POSITIONS_UNEXPLAINED),
    ),
    "order swallowed": Kind(
        draw=_nth,
        strike=set_rules({"action": "swallow", "message": "placeOrder"}),
        doubt=(Claim.ORDERS_IN_DOUBT,),
    ),
    "partial fill and stall": Kind(draw=_stalling, strike=_stall),
    "reject on send": Kind(
        draw=_refusal, strike=set_rules({"action": "reject", "message": "placeOrder"})
    ),
    "reject on change": Kind(
        draw=_refused_cancel,
        strike=_refuse_cancel,
        doubt=(Claim.ORDERS_IN_DOUBT, Claim.ORDERS_WORKING),
        in_any_symbol=True,
    ),
    "fill after cancel": Kind(
        draw=_late_fill,
        strike=_fill_after_cancel,
        doubt=(Claim.ORDERS_IN_DOUBT, Claim.ORDERS_WORKING, Claim.POSITIONS_UNEXPLAINED),
    ),
    "cancel never acknowledged": Kind(
        draw=_unheard_cancel,
        strike=_never_cancelled,
        doubt=(Claim.ORDERS_IN_DOUBT, Claim.ORDERS_WORKING),
        in_any_symbol=True,
    ),
    "cancelled by the library only": Kind(draw=_false_end, strike=_say_it_ended),
    "price off tick": Kind(draw=_nth, strike=set_rules(_ODD_PRICE)),
}
