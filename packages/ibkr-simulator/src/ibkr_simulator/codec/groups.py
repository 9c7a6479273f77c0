"""Groups of fields that several messages share."""

from typing import Any

from .kinds import (
    DECIMAL,
    INT,
    TEXT,
    WHOLE,
    Kind,
)
from .spec import Field, Items, Maybe, Repeat, Test, When, fields

#: Clients before this version read sizes as whole numbers.
FRACTIONAL_SIZES = 163

#: A contract as a client names it.
CONTRACT12: Items = (
    Field("conId", INT),
    *fields(TEXT, "symbol secType lastTradeDateOrContractMonth"),
    Field("strike", DECIMAL),
    *fields(TEXT, "right multiplier exchange primaryExchange currency localSymbol tradingClass"),
)

#: A contract as the server names it: without primaryExchange.
CONTRACT11: Items = (
    Field("conId", INT),
    *fields(TEXT, "symbol secType lastTradeDate"),
    Field("strike", DECIMAL),
    *fields(TEXT, "right multiplier exchange currency localSymbol tradingClass"),
)


def versioned(number: int) -> Field:
    """A message's own version number, from before versions were negotiated."""
    return Field("version", INT, number)


def size(name: str, kind: Kind = DECIMAL) -> Items:
    """A quantity that old clients can only read as a whole number."""
    return (
        Field(name, WHOLE, until=FRACTIONAL_SIZES),
        Field(name, kind, since=FRACTIONAL_SIZES),
    )


def filled(name: str) -> Test:
    """Whether a text or a list before here is not empty."""
    return Test(name, bool)


def has(name: str, *wanted: Any) -> Test:
    """Whether a value before here is one of those wanted."""
    return Test(name, lambda value: value in wanted)


#: Legs of a combination when only prices are asked for; on the wire for combinations alone.
QUOTE_LEGS = When(
    has("secType", "BAG"),
    (Repeat("comboLegs", (*fields(INT, "conId ratio"), *fields(TEXT, "action exchange"))),),
)

#: The stock or future that a combination is delta neutral against.
DELTA_NEUTRAL_CONTRACT = Maybe(
    "deltaNeutralContract", (Field("conId", INT), *fields(DECIMAL, "delta price"))
)
