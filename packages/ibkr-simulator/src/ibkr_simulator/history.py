"""Bars of the past, made up from the price of the present.

An instrument, its price and a span of time come in; bars go out. The same question always has the
same answer, and bars of all sizes agree: a price at an instant is a function of the instrument and
the instant. The exchange keeps no past, so this is the only place where prices are invented; no
order ever trades at them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random

from simulated_exchange import Instrument, Session, TradingHours

#: how far prices stray from the present one, as a fraction of it
_REACH = Decimal("0.01")
#: the most bars in one answer
MOST_BARS = 5_000
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """Prices of one stretch of time, in the instrument's currency."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def bars(
    instrument: Instrument,
    *,
    price: Decimal,
    hours: TradingHours,
    begin: datetime,
    end: datetime,
    size: timedelta,
) -> list[Bar]:
    """Every bar that starts in `begin` <= t < `end` while the hours are open, at most `MOST_BARS`
    of them, the latest. A size of a day or more gives one bar for each so many trading days."""
    stretches = list(_stretches(hours, begin, end, size))[-MOST_BARS:]
    return [_bar(instrument, price, opens, closes) for opens, closes in stretches]


def _stretches(
    hours: TradingHours, begin: datetime, end: datetime, size: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    days = (end - begin) // _DAY + 2
    sessions = [day for day in hours.sessions(begin, days) if isinstance(day, Session)]
    sessions = [day for day in sessions if begin < day.closes and day.opens < end]
    if size >= _DAY:
        step = size // _DAY
        for first in range(0, len(sessions), step):
            group = sessions[first : first + step]
            yield group[0].opens, min(group[-1].closes, end)
        return
    for session in sessions:
        start = session.opens
        while start < min(session.closes, end):
            if start >= begin:
                yield start, min(start + size, session.closes, end)
            start += size


def _bar(instrument: Instrument, price: Decimal, opens: datetime, closes: datetime) -> Bar:
    first, last = _price_at(instrument, price, opens), _price_at(instrument, price, closes)
    chance = Random(f"{instrument.con_id}/{opens.astimezone(UTC).isoformat()}")
    tick = instrument.tick_at(price)
    return Bar(
        start=opens,
        open=first,
        high=max(first, last) + chance.randrange(5) * tick,
        low=max(tick, min(first, last) - chance.randrange(5) * tick),
        close=last,
        volume=Decimal(chance.randrange(1_000, 100_000)),
    )


def _price_at(instrument: Instrument, price: Decimal, at: datetime) -> Decimal:
    """The price that the instrument had at an instant, on its tick."""
    chance = Random(f"{instrument.con_id}/{int(at.timestamp()) // 30}")
    strayed = price * (1 + _REACH * Decimal(round(chance.uniform(-1, 1), 6)))
    tick = instrument.tick_at(price)
    return max(tick, (strayed / tick).quantize(Decimal(1), ROUND_HALF_EVEN) * tick)
