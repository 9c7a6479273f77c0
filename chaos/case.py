"""A case: the world before the first run, the faults, and when each of them strikes.

Values only, and all of them JSON: a case that failed can be printed, cut down and run again.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import Field

from broker_connector_base.values import Number, Value

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
#: Held in some worlds and never to be touched.
OPTION, SHORT = "OPT", "SHO"
#: Client id of the first account's process; the others' follow.
FIRST_CLIENT_ID = 100


class Anchor(StrEnum):
    """What the steps of a fault's moment are counted from."""

    #: The account processes are about to be started.
    START = "start"
    #: Frames between client and gateway, quotes and account values left out.
    FRAME = "frame"
    #: The same, from the run's first order on.
    ORDER = "order"
    #: The same, from the run's first execution on.
    FILL = "fill"


class Moment(Value):
    """The `step`th frame after an anchor, in one of the runs that faults may strike."""

    run: int = Field(default=0, ge=0)
    anchor: Anchor = Anchor.START
    step: int = Field(default=0, ge=0)


class Fault(Value):
    """One fault; `terms` are the kind's own, see `faults`."""

    kind: str
    at: Moment = Moment()
    #: Which of the case's accounts, where that makes a difference.
    account: int = 0
    terms: dict[str, Any] = Field(default_factory=dict)


class Stock(Value):
    """One instrument of the world; its quote does not move by itself."""

    symbol: str
    bid: Number
    ask: Number

    @property
    def mid(self) -> Decimal:
        """The price that values it."""
        return (self.bid + self.ask) / 2


class AccountWorld(Value):
    """One account before the first run, and what it shall hold."""

    account_id: str
    cash: Number
    reserve_percent: Number
    #: Shares by symbol; negative for a short position.
    held: dict[str, int]
    #: Fractions that sum to 1.
    weights: dict[str, Number]
    #: The money of a sale settles a day later and is not to be spent before. Else a margin account,
    #: which the exchange lets spend what it does not have: only the product keeps it from that.
    settles: bool = False


class World(Value):
    """The market and its accounts."""

    stocks: tuple[Stock, ...]
    accounts: tuple[AccountWorld, ...]
    #: Seconds from a request to its arrival at the exchange.
    latency: float = 0.0
    #: Orders fill in so many slices, `gap` seconds apart.
    slices: int = 1
    gap: float = 0.0

    def stock(self, symbol: str) -> Stock:
        """The instrument of this symbol."""
        return next(stock for stock in self.stocks if stock.symbol == symbol)


class Case(Value):
    """All that is needed to run it again."""

    seed: int
    world: World
    faults: tuple[Fault, ...]
    #: Runs that faults may strike, before they are taken back.
    runs: int = Field(default=1, ge=1, le=2)
    speed: float = Field(default=20.0, gt=0)
