"""What a kind of fault is, and what it can get at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from chaos.case import Anchor, Fault, Moment, World
from ibkr_simulator import SimulatedGateway
from simulated_exchange import Exchange

Draw = Callable[[Random, World], tuple[Moment, dict[str, Any]]]
Strike = Callable[["Site", Fault], None]


class Site(Protocol):
    """The far side of a case, and the account processes as far as they can be hurt."""

    gateway: SimulatedGateway
    exchange: Exchange
    world: World

    def con_id(self, symbol: str) -> int:
        """The instrument of a symbol."""

    def account_id(self, fault: Fault) -> str:
        """The account that the fault is about."""

    def rule(self, fault: Fault, terms: Mapping[str, Any]) -> None:
        """Set a rule of the gateway; the fault has fired when the rule has acted."""

    def fired(self, fault: Fault) -> None:
        """The fault has had its effect."""

    def stalled(self, fault: Fault) -> None:
        """Orders of the fault's symbol stall; it has fired when there is one."""

    def deceives(self, symbol: str) -> None:
        """The broker's own word that an order of the symbol has ended may be false."""

    def lasts(self, seconds: float) -> None:
        """What was done ends by itself after so many seconds."""

    def signal(self, fault: Fault, number: int) -> bool:
        """Send a signal to the account's process; False when there is none."""

    def plan_mischief(self, fault: Fault) -> None:
        """Let the account process that is started next hurt itself, see `child`."""

    def outsiders_order(self, fault: Fault, side: str, quantity: int, limit: str | None) -> None:
        """An order that no rebalance placed; with a limit it rests."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One row of the table.

    `doubt`: it can leave a run in honest doubt of an order or of the account, so that the run may
    say that it needs attention. `lasting`: what it did is still there when faults are taken back,
    and a later run may truthfully refuse to touch it.
    """

    draw: Draw
    strike: Strike
    doubt: bool = False
    lasting: bool = False


def anywhere(rng: Random) -> Moment:
    """Any step of a run."""
    anchor, most = rng.choice(((Anchor.FRAME, 60), (Anchor.ORDER, 40), (Anchor.FILL, 40)))
    return Moment(anchor=anchor, step=rng.randrange(most))


def while_trading(rng: Random, most: int = 40) -> Moment:
    """From the first order on."""
    return Moment(anchor=rng.choice((Anchor.ORDER, Anchor.FILL)), step=rng.randrange(most))


def from_the_start(rng: Random) -> Moment:
    """Before the processes start."""
    return Moment()


def a_symbol(rng: Random, world: World) -> str:
    """One of the world's stocks."""
    return rng.choice(world.stocks).symbol


def set_rules(*rules: Mapping[str, Any]) -> Strike:
    """A strike that sets these rules, each with the fault's terms."""

    def strike(site: Site, fault: Fault) -> None:
        for rule in rules:
            site.rule(fault, {**rule, **fault.terms})

    return strike
