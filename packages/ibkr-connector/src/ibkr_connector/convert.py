"""Floats end here: what the wire says becomes Decimals and aware UTC times, or None.

Comes in: numbers and texts as ib_async decodes them. Goes out: exact values. IB says "no value" in
many ways (nan, -1, 0, 1.79e308, 2147483647, an empty text); they all leave as None. It never
guesses a value and never asks for one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from ib_async import Contract
from ib_async.util import UNSET_DOUBLE, UNSET_INTEGER

from broker_connector_base import Session

_HOURS = re.compile(r"(\d{8}):(\d{4})-(?:(\d{8}):)?(\d{4})")
_INNER_DOT = re.compile(r"(?<=\w)\.(?=\w)")
# The unset double comes in two spellings that differ in the last digits.
_UNSET_FROM = UNSET_DOUBLE * 0.99


def number(value: float | Decimal | str | None) -> Decimal | None:
    """Any finite number, of either sign and zero; None when the broker gave none."""
    if value is None or value == "":
        return None
    try:
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        return None
    if not exact.is_finite() or abs(exact) >= Decimal(_UNSET_FROM):
        return None
    if exact == exact.to_integral_value():
        return Decimal(int(exact))
    return exact


def price(value: float | Decimal | str | None) -> Decimal | None:
    """A price per share: a positive number; everything else means that there is none."""
    exact = number(value)
    return exact if exact is not None and exact > 0 else None


def quantity(value: float | Decimal | str | None) -> Decimal:
    """Shares; raises `ValueError` when the broker gave no number: that is not zero."""
    exact = number(value)
    if exact is None:
        raise ValueError(f"{value!r} is no number of shares")
    return exact


def permanent_id(value: int) -> str | None:
    """A permId as text; None until IB has given one."""
    return str(value) if 0 < value != UNSET_INTEGER else None


def on_tick(limit: Decimal, tick: Decimal, *, buying: bool) -> Decimal:
    """The nearest price on the grid that is never worse than `limit`: down to buy, up to sell."""
    steps = (limit / tick).to_integral_value(ROUND_FLOOR if buying else ROUND_CEILING)
    return (steps * tick).quantize(tick)


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; the decoder hands over aware times only."""
    return moment.astimezone(UTC)


def epoch(seconds: int) -> datetime:
    """Unix seconds as an aware time."""
    return datetime.fromtimestamp(seconds, UTC)


@lru_cache(maxsize=64)  # the stocks of one exchange share one text
def sessions(hours: str, zone: str) -> tuple[Session, ...]:
    """`liquidHours` of contract details, such as `20250324:0930-20250324:1600;20250329:CLOSED`.

    `zone` is `timeZoneId`; of `EST (Eastern Standard Time)` the first word counts. Unknown zones
    and closed days give nothing.
    """
    words = zone.split()
    try:
        place = ZoneInfo(words[0]) if words else None
    except (KeyError, ValueError, OSError):
        place = None
    if place is None:
        return ()
    found = []
    for opens_on, opens_at, closes_on, closes_at in _HOURS.findall(hours):
        opens = _local_time(opens_on + opens_at, place)
        closes = _local_time((closes_on or opens_on) + closes_at, place)
        found.append(Session(opens=opens, closes=closes))
    return tuple(sorted(found, key=lambda session: session.opens))


def _local_time(digits: str, place: ZoneInfo) -> datetime:
    return datetime.strptime(digits, "%Y%m%d%H%M").replace(tzinfo=place)


def symbol_to_ib(symbol: str) -> str:
    """`BRK.B` is `BRK B` at IB; a dot at the end (`BP.`) is part of the ticker."""
    return _INNER_DOT.sub(" ", symbol)


def symbol_from_ib(symbol: str) -> str:
    """The spelling of everybody else: `BRK B` becomes `BRK.B`."""
    return symbol.replace(" ", ".")


def contract_name(contract: Contract) -> str:
    """What fills and orders call the instrument: a stock by its symbol, anything else by its local
    symbol, so that an option is never taken for its underlying.
    """
    if contract.secType == "STK":
        return symbol_from_ib(contract.symbol)
    return contract.localSymbol or f"{contract.symbol} {contract.secType}"
