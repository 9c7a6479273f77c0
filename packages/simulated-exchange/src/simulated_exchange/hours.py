"""When an instrument trades.

Comes in: an aware instant. Goes out: open or closed, the session around it, the next one, the
list of sessions. Never: an order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from .holidays import exceptions

_MIDNIGHT = time(0)
_DAY = timedelta(days=1)
_EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One uninterrupted stretch of trading, `opens` <= t < `closes`, aware, in the hours' zone."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class HalfDay:
    """A trading day that ends early."""

    day: date
    closes: time


@dataclass(frozen=True, kw_only=True, slots=True)
class TradingHours:
    """The same session on each of some weekdays (0 = Monday).

    `closes` at midnight means the end of the day, so a day that also opens at midnight lasts
    from midnight to midnight and consecutive days leave no gap. An `overnight` session opens on
    the evening before: Monday's runs from Sunday `opens` to Monday `closes`.
    """

    zone: str
    opens: time = _MIDNIGHT
    closes: time = _MIDNIGHT
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    #: whose holidays and early closings apply: "NYSE", or "" for none
    calendar: str = ""
    closed_on: tuple[date, ...] = ()
    half_days: tuple[HalfDay, ...] = ()
    overnight: bool = False

    def __post_init__(self) -> None:
        ZoneInfo(self.zone)
        exceptions(self.calendar, 2000)
        for closes in (self.closes, *(half.closes for half in self.half_days)):
            if self.overnight and (closes == _MIDNIGHT or closes > self.opens):
                raise ValueError(f"an overnight session ends within a day: {self.opens}, {closes}")
            if not self.overnight and closes != _MIDNIGHT and closes <= self.opens:
                raise ValueError(f"a session closes after it opens: {self.opens} to {closes}")
        if not self.weekdays or not set(self.weekdays) <= set(_EVERY_DAY):
            raise ValueError(f"weekdays are numbers from 0 (Monday) to 6: {self.weekdays}")

    @classmethod
    def always(cls, zone: str = "America/New_York") -> "TradingHours":
        """Open around the clock, weekends included; one session for each day of the zone."""
        return cls(zone=zone, weekdays=_EVERY_DAY)

    @classmethod
    def us_regular(cls) -> "TradingHours":
        """Regular session of the US stock exchanges, 09:30 to 16:00 New York time, with their
        holidays (nyse.com)."""
        return cls(zone="America/New_York", opens=time(9, 30), closes=time(16), calendar="NYSE")

    def is_open(self, at: datetime) -> bool:
        return self.session_at(at) is not None

    def session_at(self, at: datetime) -> Session | None:
        """The session that is running at this instant."""
        day = at.astimezone(ZoneInfo(self.zone)).date()
        session = _session_on(self, day)
        if self.overnight and not (session and at < session.closes):
            session = _session_on(self, day + _DAY)
        return session if session and session.opens <= at < session.closes else None

    def next_open(self, at: datetime) -> datetime | None:
        """The first opening at or after this instant, in UTC; None if there is none in a year."""
        start = at.astimezone(ZoneInfo(self.zone)).date()
        for session in self._sessions_from(start, 366):
            if session.opens >= at:
                return session.opens.astimezone(UTC)
        return None

    def business_days_later(self, at: datetime, days: int) -> datetime:
        """When the day begins in the hours' zone that is so many business days later, in UTC.

        Banks take part in what is due then: at a weekend nothing is, wherever there is trading.
        """
        zone = ZoneInfo(self.zone)
        day = at.astimezone(zone).date()
        while days:
            day += _DAY
            if day.weekday() < 5 and not _is_closed(self, day):
                days -= 1
        return datetime.combine(day, _MIDNIGHT, zone).astimezone(UTC)

    def sessions(self, start: datetime, days: int) -> list[Session | date]:
        """One entry for each of `days` calendar days from `start`'s; a closed day is its date."""
        first = start.astimezone(ZoneInfo(self.zone)).date()
        dates = (first + timedelta(days=n) for n in range(days))
        return [_session_on(self, day) or day for day in dates]

    def _sessions_from(self, first: date, days: int) -> Iterator[Session]:
        for n in range(days):
            if session := _session_on(self, first + timedelta(days=n)):
                yield session


def _is_closed(hours: TradingHours, day: date) -> bool:
    return day in hours.closed_on or day in exceptions(hours.calendar, day.year).closed


@lru_cache(maxsize=1024)
def _session_on(hours: TradingHours, day: date) -> Session | None:
    if day.weekday() not in hours.weekdays or _is_closed(hours, day):
        return None
    zone = ZoneInfo(hours.zone)
    early = (half.closes for half in hours.half_days if half.day == day)
    usual = exceptions(hours.calendar, day.year).early.get(day, hours.closes)
    closes = next(early, usual)
    return Session(
        opens=datetime.combine(day - _DAY if hours.overnight else day, hours.opens, zone),
        closes=datetime.combine(day + _DAY if closes == _MIDNIGHT else day, closes, zone),
    )
