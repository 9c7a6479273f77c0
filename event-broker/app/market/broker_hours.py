"""The calendar's second opinion: does the broker say that these instruments trade now?

Pure: instruments with their hours come in, a closure goes out. It catches what no calendar knows:
a day of mourning, a market closed by an emergency. Silence is no evidence of a closure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from broker_connector_base.models import Instrument
from broker_connector_base.values import UtcTime, Value


class Closure(Value):
    """Instruments that the broker says do not trade yet."""

    symbols: tuple[str, ...]
    #: When, by the broker's hours, all of them trade again; in the past when that is not long ago.
    opens: UtcTime


def closed_by_broker(
    instruments: Iterable[Instrument], now: datetime, delay_seconds: float
) -> Closure | None:
    """What is closed at `now` though the calendar says otherwise; None when nothing is.

    For `delay_seconds` after its open a market still counts as closed. An instrument whose hours
    are not known, or known for the past only, is left out.
    """
    opens: dict[str, datetime] = {}
    for instrument in instruments:
        to_come = [hours.opens for hours in instrument.liquid_hours if now < hours.closes]
        if to_come and now < min(to_come) + timedelta(seconds=delay_seconds):
            opens[instrument.symbol] = min(to_come)
    return Closure(symbols=tuple(opens), opens=max(opens.values())) if opens else None
