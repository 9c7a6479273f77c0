"""When an exchange trades: a table of its sessions, asked by moment.

Pure: times come in, sessions go out. Outside the range that the table covers it never guesses.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import model_validator

from broker_connector_base.values import UtcTime, Value

from .errors import CalendarError

#: The New York Stock Exchange (ISO 10383), whose days and hours all US exchanges keep.
XNYS = "XNYS"
EXCHANGE_TIME = ZoneInfo("America/New_York")


class TradingSession(Value):
    """One regular session, from the opening to the closing auction."""

    #: The trading day, by the exchange's own calendar.
    date: date
    opens: UtcTime
    closes: UtcTime
    #: Whether it closes earlier than usual.
    half_day: bool = False

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> TradingSession:
        if self.opens >= self.closes:
            raise ValueError(f"the session of {self.date} closes before it opens")
        return self


class Sessions(Value):
    """All sessions of an exchange between two dates, earliest first; what is not here is closed."""

    exchange: str
    #: First and last date that the table knows about.
    begins: date
    ends: date
    sessions: tuple[TradingSession, ...]

    @model_validator(mode="after")
    def _is_a_table(self) -> Sessions:
        if not self.sessions:
            raise ValueError("there are no sessions")
        if any(before.closes >= after.opens for before, after in pairwise(self.sessions)):
            raise ValueError("the sessions are not in order")
        if not self.begins <= self.sessions[0].date <= self.sessions[-1].date <= self.ends:
            raise ValueError("there are sessions outside the range")
        return self

    def session_at(self, moment: datetime) -> TradingSession | None:
        """The session that is open at `moment`; None when the exchange is closed."""
        session = self.session_for(moment)
        return session if session.opens <= moment else None

    def is_open(self, moment: datetime) -> bool:
        """Whether the exchange trades at `moment`: the open belongs to a session, the close not."""
        return self.session_at(moment) is not None

    def session_for(self, moment: datetime) -> TradingSession:
        """The session in which an order sent at `moment` trades: the open one, else the next."""
        self._check(moment)
        return self._session(bisect_right(self._closes, moment))

    def trading_day(self, moment: datetime) -> date:
        """The date of `session_for`: a Saturday belongs to Monday."""
        return self.session_for(moment).date

    def next_session(self, after: datetime) -> TradingSession:
        """The first session that opens later than `after`."""
        self._check(after)
        return self._session(bisect_right(self._opens, after))

    def next_open(self, after: datetime) -> datetime:
        """When the exchange opens next, strictly later than `after`."""
        return self.next_session(after).opens

    def _session(self, index: int) -> TradingSession:
        if index == len(self.sessions):
            raise CalendarError(f"the calendar of {self.exchange} ends on {self.ends}")
        return self.sessions[index]

    def _check(self, moment: datetime) -> None:
        day = moment.astimezone(EXCHANGE_TIME).date()
        if not self.begins <= day <= self.ends:
            raise CalendarError(
                f"the calendar of {self.exchange} covers {self.begins} to {self.ends}, not {day}"
            )

    @cached_property
    def _opens(self) -> list[datetime]:
        return [session.opens for session in self.sessions]

    @cached_property
    def _closes(self) -> list[datetime]:
        return [session.closes for session in self.sessions]


class Start(NamedTuple):
    """When something starts, and in which session."""

    at: datetime
    session: TradingSession


def first_start(
    sessions: Sessions,
    session: TradingSession,
    clock_time: str,
    *,
    delay_seconds: float,
    stop_seconds: float,
) -> Start:
    """The first start in `session` or in one after it.

    In each it is at `clock_time` ("HH:MM", exchange time) or at the open, whichever is later, and
    `delay_seconds` on top. A session in which that is less than `stop_seconds` before the close is
    left out. Raises `CalendarError` when none is left.
    """
    while True:
        local = datetime.combine(session.date, time.fromisoformat(clock_time), EXCHANGE_TIME)
        start = max(session.opens, local.astimezone(UTC)) + timedelta(seconds=delay_seconds)
        if start < session.closes - timedelta(seconds=stop_seconds):
            return Start(start, session)
        session = sessions.next_session(session.opens)
