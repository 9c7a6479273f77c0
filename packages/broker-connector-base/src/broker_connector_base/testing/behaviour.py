"""What a scripted broker does with an order or a call, as values.

A `Behaviour` is chosen per symbol with `Books.script`; it says what happens when an order arrives,
how much of it fills by itself, what a cancellation does, and whether commissions are told. A
`Fault` hits one call of one session. Combine with `dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto


class Arrival(Enum):
    """What becomes of an order on its way to the market."""

    ACKNOWLEDGED = auto()
    #: It reaches the market and trades; the caller never hears of it, only its events do.
    ACKNOWLEDGEMENT_LOST = auto()
    #: It never reaches the market and the caller never hears of it.
    SWALLOWED = auto()


@dataclass(frozen=True, kw_only=True)
class Reject:
    """The broker refuses, with its code and words (default: IBKR's general order rejection)."""

    code: str = "201"
    text: str = "Order rejected - reason: rejected by script"


class OnCancel(Enum):
    """What the broker makes of a cancellation."""

    CONFIRM = auto()
    #: All that remains fills before the cancellation arrives; it is never confirmed.
    FILL_FIRST = auto()
    #: The order stays "cancelling" until the test decides (`Books.fill`, `Books.end`).
    IGNORE = auto()


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """The fate of an order; the default is a liquid market and an honest broker."""

    arrival: Arrival | Reject = Arrival.ACKNOWLEDGED
    #: Unsigned shares that the market takes by itself, at most; None for the whole order.
    fills: Decimal | int | None = None
    #: Seconds between acknowledgement and that fill.
    delay: float = 0
    on_cancel: OnCancel | Reject = OnCancel.CONFIRM
    #: False: fills carry no commission until `Books.report_commissions`.
    commission_told: bool = True


FILLS = Behaviour()
RESTS = Behaviour(fills=0)
REJECTED = Behaviour(arrival=Reject())
SWALLOWED = Behaviour(arrival=Arrival.SWALLOWED)
ACKNOWLEDGEMENT_LOST = Behaviour(arrival=Arrival.ACKNOWLEDGEMENT_LOST)
FILL_BEATS_CANCEL = Behaviour(fills=0, on_cancel=OnCancel.FILL_FIRST)
CANCEL_NEVER_CONFIRMED = Behaviour(fills=0, on_cancel=OnCancel.IGNORE)
COMMISSION_UNTOLD = Behaviour(commission_told=False)


def fills_partly(shares: Decimal | int) -> Behaviour:
    """`shares` (unsigned) fill at once; the rest works until cancelled or filled by the test."""
    return Behaviour(fills=shares)


@dataclass(kw_only=True)
class Fault:
    """Ends a session, or raises `error`, at the `call`-th counted call (1 is the next one).

    With `method` only calls of that `BrokerClient` method count. Before the request is sent nothing
    happens at the broker; with `after_sending` the broker acts on it, and only the answer is lost.
    """

    call: int = 1
    method: str | None = None
    after_sending: bool = False
    #: Raised instead of ending the session, e.g. an `AccountDataError` or a crash of the caller.
    error: BaseException | None = None
    _seen: int = field(default=0, init=False)

    def strikes(self, method: str) -> bool:
        """Count a call; True for the one that is hit."""
        if self.method in (None, method):
            self._seen += 1
        return self._seen == self.call and self.method in (None, method)
