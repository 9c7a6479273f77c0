"""The days on which an exchange does not trade, or closes early, by its own rules.

Comes in: a year. Goes out: dates. Never: a day of mourning or a storm, which no rule foretells;
hours name those (`closed_on`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache

_DAY = timedelta(days=1)
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
#: the first year of Juneteenth on the exchange
_JUNETEENTH_SINCE = 2022
_EARLY = time(13)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exceptions:
    """What is not as on every weekday of a year."""

    closed: frozenset[date]
    #: day -> when it ends, in the exchange's time
    early: Mapping[date, time]


_PLAIN = Exceptions(closed=frozenset(), early={})


def exceptions(calendar: str, year: int) -> Exceptions:
    """Of a calendar by name; "" has none. Raises `ValueError` for a name that is not known."""
    if calendar == "NYSE":
        return _nyse(year)
    if calendar:
        raise ValueError(f"there is no calendar {calendar!r}; there is NYSE")
    return _PLAIN


@lru_cache(maxsize=64)
def _nyse(year: int) -> Exceptions:
    """NYSE rule 7.2, and the early closings that it announces each year (nyse.com/markets/
    hours-calendars)."""
    thanksgiving = _nth(year, 11, _THURSDAY, 4)
    new_year = date(year, 1, 1)
    closed = {
        # On a Saturday it is not made up for: the Friday belongs to the year before.
        new_year + _DAY if new_year.weekday() == _SUNDAY else new_year,
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _easter(year) - 2 * _DAY,
        _nth(year, 6, _MONDAY, 1) - 7 * _DAY,
        _observed(date(year, 7, 4)),
        _nth(year, 9, _MONDAY, 1),
        thanksgiving,
        _observed(date(year, 12, 25)),
    }
    if year >= _JUNETEENTH_SINCE:
        closed.add(_observed(date(year, 6, 19)))
    eves = [date(year, 7, 3), date(year, 12, 24)]
    early = [thanksgiving + _DAY, *(eve for eve in eves if eve.weekday() <= _THURSDAY)]
    return Exceptions(closed=frozenset(closed), early=dict.fromkeys(early, _EARLY))


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    """The first, second, ... of a weekday in a month."""
    first = date(year, month, 1)
    return first + _DAY * ((weekday - first.weekday()) % 7 + 7 * (count - 1))


def _observed(day: date) -> date:
    """A holiday at the weekend is kept on the nearest weekday."""
    return day + _DAY * {_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0)


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (New Scientist, 30 March 1961)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    n = (h - m + r + 90) // 25
    return date(year, n, (h - m + r + n + 19) % 32)
