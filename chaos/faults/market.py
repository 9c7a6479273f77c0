"""Halts, quotes that vanish, and other people who trade in the account."""

from __future__ import annotations

from random import Random
from typing import Any

from broker_connector_base.models import Claim
from chaos.case import Anchor, Fault, Moment, World
from simulated_exchange import Quote

from .kind import Kind, Site, a_symbol, anywhere


def _halt(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    """At an order, before it reaches the market."""
    moment = Moment(anchor=Anchor.ORDER, step=rng.choice((0, 0, 1, 5)))
    return moment, {"symbol": a_symbol(rng, world)}


def _halt_trading(site: Site, fault: Fault) -> None:
    site.exchange.halt(site.con_id(fault.terms["symbol"]))
    site.fired(fault)


def _vanish(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    return anywhere(rng), {"symbol": a_symbol(rng, world), "close": rng.random() < 0.5}


def _take_quote(site: Site, fault: Fault) -> None:
    stock = site.world.stock(fault.terms["symbol"])
    close = stock.mid if fault.terms["close"] else None
    site.exchange.set_quote(site.con_id(stock.symbol), Quote(close=close))
    site.fired(fault)


def _by_hand(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    side = rng.choice(("BUY", "SELL"))
    terms = {"symbol": a_symbol(rng, world), "side": side, "quantity": rng.randint(1, 15)}
    return anywhere(rng), terms


def _before_or_meanwhile(rng: Random, world: World) -> tuple[Moment, dict[str, Any]]:
    moment, terms = _by_hand(rng, world)
    return Moment() if rng.random() < 0.5 else moment, terms


def _trade(site: Site, fault: Fault) -> None:
    site.outsiders_order(fault, fault.terms["side"], fault.terms["quantity"], None)


def _rest(site: Site, fault: Fault) -> None:
    """A limit that the market will not reach: half the bid, or twice the ask."""
    stock = site.world.stock(fault.terms["symbol"])
    buys = fault.terms["side"] == "BUY"
    limit = stock.bid / 2 if buys else stock.ask * 2
    quantity = fault.terms["quantity"]
    site.outsiders_order(fault, fault.terms["side"], quantity, f"{limit:.2f}")


MARKET_KINDS = {
    "halt between plan and order": Kind(draw=_halt, strike=_halt_trading),
    "quotes vanish": Kind(draw=_vanish, strike=_take_quote),
    "order of another client": Kind(
        draw=_before_or_meanwhile, strike=_rest, doubt=(Claim.ORDERS_OF_OTHERS,)
    ),
    "manual trade": Kind(
        draw=_by_hand, strike=_trade, doubt=(Claim.POSITIONS_UNEXPLAINED,), lasting=True
    ),
}
