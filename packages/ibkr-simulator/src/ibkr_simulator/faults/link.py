"""Faults of the gateway as a whole: its link to the broker, its farms, its daily restart.

The gateway comes in, with or without a message that set the fault off; every client feels it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ibkr_simulator.refusals import Refusal

from .rules import BadRule
from .texts import text_of

if TYPE_CHECKING:
    from ibkr_simulator.gateway import SimulatedGateway


@dataclass(frozen=True, kw_only=True, slots=True)
class Announce:
    """A code for every client, about nothing in particular; `seconds` later the code `then`.

    2103 then 2104, or 2105 then 2106, is a farm that flaps.
    """

    code: int
    text: str = ""
    then: int = 0
    seconds: float = 0.0

    def __call__(self, gateway: "SimulatedGateway") -> None:
        gateway.announce(Refusal(self.code, self.text or text_of(self.code)))
        if self.then:
            after = Refusal(self.then, text_of(self.then))
            gateway.desk.exchange.clock.call_later(self.seconds, lambda: gateway.announce(after))


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """The link to the broker is lost (1100) for so many seconds; sockets stay open.

    Orders on the exchange live on, but nothing of it is told and no request but the most local is
    heard. With `restored` 1102 all of that follows then, in its order; with 1101 it is lost, and
    with it every subscription.
    """

    seconds: float
    restored: int = 1102

    def __post_init__(self) -> None:
        if self.restored not in (1101, 1102):
            raise BadRule(f"a link is restored with 1101 or 1102, not {self.restored}")

    def __call__(self, gateway: "SimulatedGateway") -> None:
        restore = gateway.lose_link(Refusal(1100, text_of(1100)))
        note = Refusal(self.restored, text_of(self.restored))
        lost = self.restored == 1101
        gateway.desk.exchange.clock.call_later(self.seconds, lambda: restore(note, lost))


@dataclass(frozen=True, kw_only=True, slots=True)
class Restart:
    """The gateway closes every connection and refuses new ones for so many seconds.

    Then it accepts them again, for `outage` seconds without a link to the broker (1100, then 1102).
    Its accounts, orders and subscriptions of the day are as before; sessions are new.
    """

    seconds: float
    outage: float = 0.0

    def __call__(self, gateway: "SimulatedGateway") -> None:
        gateway.shut()
        clock = gateway.desk.exchange.clock
        clock.call_later(self.seconds, gateway.reopen)
        if self.outage:
            restore = gateway.lose_link(Refusal(1100, text_of(1100)))
            note = Refusal(1102, text_of(1102))
            clock.call_later(self.seconds + self.outage, lambda: restore(note, False))
