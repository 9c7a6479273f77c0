"""Asking the table of sessions; every expected time is from the exchange's published hours."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from app.market import CalendarError, Sessions, Start, TradingSession, first_start


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (at(25, 14, 29), False),
        (at(25, 14, 30), True),
        (at(25, 20, 59), True),
        (at(25, 21), False),
        (at(26, 16), False),
        (at(27, 17, 59), True),
        (at(27, 18), False),
        (at(28, 16), False),
    ],
)
def test_the_open_belongs_to_the_session_and_the_close_does_not(
    thanksgiving: Sessions, moment: datetime, is_open: bool
) -> None:
    assert thanksgiving.is_open(moment) is is_open


@pytest.mark.parametrize(
    ("moment", "next_open"),
    [
        (at(25, 14, 29), at(25, 14, 30)),
        (at(25, 14, 30), at(27, 14, 30)),
        (at(26, 16), at(27, 14, 30)),
        (at(27, 18), at(30, 14, 30)),
    ],
)
def test_the_next_open_skips_holidays_and_weekends(
    thanksgiving: Sessions, moment: datetime, next_open: datetime
) -> None:
    assert thanksgiving.next_open(moment) == next_open


@pytest.mark.parametrize(
    ("moment", "day"),
    [(at(25, 6), 25), (at(25, 20), 25), (at(25, 21), 27), (at(27, 19), 30), (at(29, 12), 30)],
)
def test_a_closed_exchange_belongs_to_the_session_that_comes(
    thanksgiving: Sessions, moment: datetime, day: int
) -> None:
    assert thanksgiving.trading_day(moment) == date(2026, 11, day)


@pytest.mark.parametrize("moment", [at(25, 4, 59), at(2, 6, month=12)])
def test_nothing_is_guessed_outside_the_table(thanksgiving: Sessions, moment: datetime) -> None:
    with pytest.raises(CalendarError, match="covers 2026-11-25 to 2026-12-01"):
        thanksgiving.is_open(moment)


def test_nothing_is_guessed_behind_the_last_session(thanksgiving: Sessions) -> None:
    with pytest.raises(CalendarError, match="ends on 2026-12-01"):
        thanksgiving.next_open(at(30, 15))


def test_a_table_that_makes_no_sense_is_refused(thanksgiving: Sessions) -> None:
    wednesday, friday, monday = thanksgiving.sessions
    for sessions in [(), (friday, wednesday), (wednesday, wednesday, monday)]:
        with pytest.raises(ValidationError):
            Sessions(
                exchange="XNYS",
                begins=thanksgiving.begins,
                ends=thanksgiving.ends,
                sessions=sessions,
            )
    with pytest.raises(ValidationError, match="outside the range"):
        Sessions(
            exchange="XNYS",
            begins=date(2026, 11, 26),
            ends=date(2026, 12, 1),
            sessions=(wednesday,),
        )
    with pytest.raises(ValidationError, match="closes before it opens"):
        TradingSession(date=date(2026, 11, 25), opens=at(25, 21), closes=at(25, 14))


class TestStarting:
    def start(
        self, sessions: Sessions, first: int, clock_time: str, delay: float, stop: float = 0
    ) -> Start:
        session = sessions.sessions[first]
        return first_start(sessions, session, clock_time, delay_seconds=delay, stop_seconds=stop)

    def test_is_delayed_from_the_open(self, thanksgiving: Sessions) -> None:
        assert self.start(thanksgiving, 0, "09:30", 300) == (
            at(25, 14, 35),
            thanksgiving.sessions[0],
        )

    def test_is_never_before_the_open(self, thanksgiving: Sessions) -> None:
        assert self.start(thanksgiving, 0, "08:00", 60).at == at(25, 14, 31)

    def test_follows_a_later_time_on_the_exchange_s_clock(self, thanksgiving: Sessions) -> None:
        assert self.start(thanksgiving, 0, "14:00", 60).at == at(25, 19, 1)

    @pytest.mark.parametrize(
        ("clock_time", "delay", "stop", "session"),
        [
            # It closes at 13:00 instead of 16:00.
            ("12:59", 0, 0, 1),
            ("13:00", 0, 0, 2),
            ("12:54", 300, 0, 1),
            ("12:55", 300, 0, 2),
            ("12:49", 300, 300, 1),
            ("12:50", 300, 300, 2),
        ],
    )
    def test_leaves_out_a_day_that_closes_too_early(
        self, thanksgiving: Sessions, clock_time: str, delay: float, stop: float, session: int
    ) -> None:
        start = self.start(thanksgiving, 1, clock_time, delay, stop)
        assert start.session == thanksgiving.sessions[session]

    def test_that_never_comes_is_an_error(self, thanksgiving: Sessions) -> None:
        with pytest.raises(CalendarError, match="ends on"):
            self.start(thanksgiving, 0, "16:00", 0)

    def test_knows_summer_time(self) -> None:
        july = TradingSession(
            date=date(2026, 7, 6), opens=at(6, 13, 30, month=7), closes=at(6, 20, month=7)
        )
        sessions = Sessions(exchange="XNYS", begins=july.date, ends=july.date, sessions=(july,))
        assert self.start(sessions, 0, "10:00", 0).at == at(6, 14, month=7)
