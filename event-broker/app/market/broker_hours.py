"""The calendar's second opinion: does the broker say that these instruments trade now?

Pure: instruments with their hours come in, a closure goes out. It catches what no calendar knows:
a day of mourning, a market closed by an emergency. Silence is no evidence of a closure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from broker_connector_base.models import Instrument
from broker_connector_base.values import UtcTime, Value


class Closure(Value):
    """Instruments that the broker says do not trade now."""

    symbols: tuple[str, ...]
    #: When, by the broker's hours, all of them trade again.
    opens: UtcTime


def closed_by_broker(instruments: Iterable[Instrument], now: datetime) -> Closure | None:
    """What is closed at `now` though the calendar says otherwise; None when nothing is.

    An instrument whose hours are not known, or known for the past only, is left out.
    """
    closed = [
        instrument
        for instrument in instruments
        if any(now < hours.closes for hours in instrument.liquid_hours)
        and not any(hours.opens <= now < hours.closes for hours in instrument.liquid_hours)
    ]
    if not closed:
        return None
    opens = [
        min(hours.opens for hours in instrument.liquid_hours if hours.opens > now)
        for instrument in closed
    ]
    return Closure(symbols=tuple(instrument.symbol for instrument in closed), opens=max(opens))
