"""The key of an order: a pure function of run, account, symbol, side and attempt.

It is written into the broker's order reference (IBKR: orderRef), so that an order can be told as
ours and found again by anybody who knows the journal. It reads
`rb:<run>:<account>:<symbol>:<B|S>:<attempt>`, about 40 characters.
"""

from __future__ import annotations

import re
import secrets
import string
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from broker_connector_base.values import Value

_PREFIX = "rb"
_KEY = re.compile(
    _PREFIX
    + r":(?P<run_id>[^:]+):(?P<account_id>[^:]+):(?P<symbol>[^:]+)"
    + r":(?P<side>[BS]):(?P<attempt>[1-9][0-9]{0,5})"
)

_CHARACTERS = string.digits + string.ascii_lowercase

Side = Literal["B", "S"]


class OrderKey(Value):
    """What an order reference says."""

    run_id: str = Field(min_length=1, pattern=r"^[^:]+$")
    account_id: str = Field(min_length=1, pattern=r"^[^:]+$")
    symbol: str = Field(min_length=1, pattern=r"^[^:]+$")
    side: Side
    #: Counts the orders of one run for this symbol and side, 1 first.
    attempt: int = Field(ge=1)

    def __str__(self) -> str:
        parts = (self.run_id, self.account_id, self.symbol, self.side, str(self.attempt))
        return ":".join((_PREFIX, *parts))


def new_run_id(now: datetime) -> str:
    """A fresh id that sorts by time: UTC seconds and four characters by chance.

    Runs follow each other within a second, and clocks are set back; a repeated id would make the
    broker's side take a new order for an old one.
    """
    chance = "".join(secrets.choice(_CHARACTERS) for _ in range(4))
    return f"{now.astimezone(UTC):%y%m%d%H%M%S}{chance}"


def side_of(quantity: Decimal) -> Side:
    """B for a positive signed quantity, S for a negative one."""
    return "B" if quantity > 0 else "S"


def parse_order_key(reference: str | None) -> OrderKey | None:
    """The key that an order reference holds; None when it is not one of ours."""
    match = _KEY.fullmatch(reference or "")
    return None if match is None else OrderKey.model_validate(match.groupdict())


def is_ours(reference: str | None, account_id: str) -> bool:
    """True when a rebalance of this account placed the order."""
    key = parse_order_key(reference)
    return key is not None and key.account_id == account_id
