"""What the exchange refuses, as one exception with a code that programs compare.

Comes in: a reason and a sentence. Goes out: an exception. Never: a decision made on message text.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why the exchange said no."""

    BAD_PARENT = "BAD_PARENT"
    BAD_PRICE = "BAD_PRICE"
    BAD_QUANTITY = "BAD_QUANTITY"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    NO_PRICE = "NO_PRICE"
    NO_SHORT = "NO_SHORT"
    NOT_CANCELLABLE = "NOT_CANCELLABLE"
    NOT_FILLABLE = "NOT_FILLABLE"
    NOT_MODIFIABLE = "NOT_MODIFIABLE"
    OFF_TICK = "OFF_TICK"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"


class ExchangeError(Exception):
    """A request was refused and changed nothing: correct it or give it up, do not repeat it."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class StateError(Exception):
    """A saved state or a scenario cannot be used as it is; nothing was loaded."""
