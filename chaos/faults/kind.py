"""What a kind of fault is, and what it can get at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from broker_connector_base.models import Claim
from chaos.case import Anchor, Fault, Moment, World
from ibkr_simulator import SimulatedGateway
from simulated_exchange import Exchange

#: Nobody could be asked for a while: whatever is in doubt then may stay so.
ANY_DOUBT = (
    Claim.ORDERS_IN_DOUBT,
    Claim.ORDERS_WORKING,
    Claim.POSITIONS_UNEXPLAINED,
    Claim.ACCOUNT_NOT_SEEN,
)

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

    `doubt`: what a run may truthfully claim because of it when it says that it needs attention, see
    `reasons`; of the fault's symbol and, where it is about a process, of its account. `lasting`:
    what it did is still there when faults are taken back, and a later run may truthfully refuse to
    touch it.
    """

    draw: Draw
    strike: Strike
    doubt: tuple[Claim, ...] = ()
    #: It may be so in other symbols than the one in the fault's terms as well.
    in_any_symbol: bool = False
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
