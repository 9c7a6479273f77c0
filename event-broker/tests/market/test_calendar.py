"""The calendar on disk, and the library against the exchange's own announcements."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from app.market import CalendarError, MarketCalendar, Sessions, TradingSession

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)

#: nyse.com/markets/hours-calendars, "Holidays and trading hours", for 2026 and 2027.
HOLIDAYS = {
    *("2026-01-01", "2026-01-19", "2026-02-16", "2026-04-03", "2026-05-25", "2026-06-19"),
    *("2026-07-03", "2026-09-07", "2026-11-26", "2026-12-25"),
    *("2027-01-01", "2027-01-18", "2027-02-15", "2027-03-26", "2027-05-31", "2027-06-18"),
    *("2027-07-05", "2027-09-06", "2027-11-25", "2027-12-24"),
}
EARLY_CLOSES = {"2026-11-27", "2026-12-24", "2027-11-26"}


class Library:
    """Answers like the process that computes, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False

    def __call__(self, exchange: str, begins: date, ends: date) -> bytes:
        self.asked += 1
        if self.fails:
            raise CalendarError("No module named 'pandas'")
        noon = datetime(begins.year, begins.month, begins.day, 12, tzinfo=UTC)
        days = [noon + timedelta(days=n) for n in range((ends - begins).days + 1)]
        table = Sessions(
            exchange=exchange,
            begins=begins,
            ends=ends,
            sessions=tuple(
                TradingSession(date=day.date(), opens=day, closes=day + timedelta(hours=1))
                for day in days
            ),
        )
        return table.model_dump_json().encode()


@pytest.fixture
def library() -> Library:
    return Library()


def calendar(directory: Path, library: Library) -> MarketCalendar:
    return MarketCalendar(directory / "market", compute=library)


def test_the_library_agrees_with_the_exchange(tmp_path: Path) -> None:
    sessions = MarketCalendar(tmp_path).sessions(datetime(2026, 2, 10, 15, tzinfo=UTC))
    first, last = date(2026, 1, 2), date(2027, 3, 1)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    expected = [d for d in days if d.weekday() < 5 and d.isoformat() not in HOLIDAYS]
    assert [s.date for s in sessions.sessions if first <= s.date <= last] == expected
    early = {s.date.isoformat() for s in sessions.sessions if s.half_day and s.date >= first}
    assert early == {day for day in EARLY_CLOSES if day <= last.isoformat()}
    hours = {
        s.date.isoformat(): (s.opens.isoformat(), s.closes.isoformat()) for s in sessions.sessions
    }
    assert hours["2026-07-06"] == ("2026-07-06T13:30:00+00:00", "2026-07-06T20:00:00+00:00")
    assert hours["2026-11-27"] == ("2026-11-27T14:30:00+00:00", "2026-11-27T18:00:00+00:00")


def test_an_exchange_that_nobody_knows_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match=r"XNOT cannot be computed: .*XNOT.*Nothing is traded"):
        MarketCalendar(tmp_path, exchange="XNOT").sessions(NOW)


def test_the_table_is_computed_once(tmp_path: Path, library: Library) -> None:
    first = calendar(tmp_path, library)
    assert first.sessions(NOW) == first.sessions(NOW + timedelta(days=300))
    assert calendar(tmp_path, library).sessions(NOW) == first.sessions(NOW)
    assert library.asked == 1


def test_it_reaches_back_to_earlier_sessions_and_far_ahead(
    tmp_path: Path, library: Library
) -> None:
    sessions = calendar(tmp_path, library).sessions(NOW)
    assert (sessions.begins, sessions.ends) == (date(2026, 10, 11), date(2027, 12, 25))


def test_it_is_renewed_well_before_it_ends(tmp_path: Path, library: Library) -> None:
    hours = calendar(tmp_path, library)
    hours.sessions(NOW)
    assert hours.sessions(NOW + timedelta(days=341)).ends == date(2028, 11, 30)
    assert library.asked == 2


def test_a_clock_that_jumped_back_gets_a_table_of_its_time(
    tmp_path: Path, library: Library
) -> None:
    hours = calendar(tmp_path, library)
    hours.sessions(NOW)
    assert hours.sessions(NOW - timedelta(days=100)).begins == date(2026, 7, 3)


@pytest.mark.parametrize(
    "content",
    ["", "{", '{"library": 1}', '{"library": "exchange_calendars 4.13.2", "calendar": {}}'],
)
def test_a_spoilt_file_is_computed_anew(tmp_path: Path, library: Library, content: str) -> None:
    path = tmp_path / "market" / "XNYS.json"
    path.parent.mkdir()
    path.write_text(content)
    with structlog.testing.capture_logs() as logs:
        calendar(tmp_path, library).sessions(NOW)
    assert library.asked == 1
    assert [entry["event"] for entry in logs] == ["market.calendar.ignored"]
    assert json.loads(path.read_text())["calendar"]["ends"] == "2027-12-25"


def test_another_version_of_the_library_computes_anew(tmp_path: Path, library: Library) -> None:
    calendar(tmp_path, library).sessions(NOW)
    path = tmp_path / "market" / "XNYS.json"
    file = json.loads(path.read_text())
    path.write_text(json.dumps({**file, "library": "exchange_calendars 4.0"}))
    calendar(tmp_path, library).sessions(NOW)
    assert library.asked == 2


def test_a_table_that_cannot_be_renewed_is_used_until_it_nearly_ends(
    tmp_path: Path, library: Library
) -> None:
    hours = calendar(tmp_path, library)
    table = hours.sessions(NOW)
    library.fails = True
    with structlog.testing.capture_logs() as logs:
        assert hours.sessions(NOW + timedelta(days=380)) == table
    assert [entry["event"] for entry in logs] == ["market.calendar.not_renewed"]
    with pytest.raises(CalendarError, match="No module named 'pandas'"):
        hours.sessions(NOW + timedelta(days=390))


def test_a_directory_that_cannot_be_written_does_not_stop_anything(
    tmp_path: Path, library: Library
) -> None:
    (tmp_path / "market").write_text("a file where the directory should be")
    with structlog.testing.capture_logs() as logs:
        sessions = calendar(tmp_path, library).sessions(NOW)
    assert sessions.is_open(NOW.replace(hour=12))
    assert "market.calendar.not_kept" in [entry["event"] for entry in logs]
