"""Trading hours; the expected instants are New York's UTC offsets, worked out by hand."""

from datetime import UTC, date, datetime, time

import pytest

from simulated_exchange import TradingHours
from simulated_exchange.hours import HalfDay

REGULAR = TradingHours.us_regular()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2025-03-24T13:29:59", False),  # Monday 09:29:59, summer time: UTC-4
        ("2025-03-24T13:30:00", True),
        ("2025-03-24T19:59:59", True),
        ("2025-03-24T20:00:00", False),
        ("2025-03-22T15:00:00", False),  # Saturday
        ("2025-01-06T14:29:59", False),  # winter time: UTC-5
        ("2025-01-06T14:30:00", True),
    ],
)
def test_the_regular_session_follows_new_york_time(at: str, is_open: bool) -> None:
    assert REGULAR.is_open(utc(at)) is is_open


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2025-03-24T13:00:00", "2025-03-24T13:30:00"),
        ("2025-03-24T13:30:00", "2025-03-24T13:30:00"),
        ("2025-03-24T13:30:01", "2025-03-25T13:30:00"),
        ("2025-03-28T21:00:00", "2025-03-31T13:30:00"),  # Friday evening to Monday
        ("2025-03-07T21:00:00", "2025-03-10T13:30:00"),  # over the change of the clocks
    ],
)
def test_the_next_open_skips_the_weekend_and_survives_summer_time(at: str, opens: str) -> None:
    assert REGULAR.next_open(utc(at)) == utc(opens)


def test_always_open_means_weekends_and_midnight_too() -> None:
    always = TradingHours.always()
    assert always.is_open(utc("2025-03-22T15:00:00"))
    assert always.is_open(utc("2025-03-23T04:00:00"))
    session = always.session_at(utc("2025-03-22T15:00:00"))
    assert session is not None
    assert session.opens.isoformat() == "2025-03-22T00:00:00-04:00"
    assert session.closes.isoformat() == "2025-03-23T00:00:00-04:00"


def test_sessions_list_closed_days_by_date() -> None:
    hours = TradingHours(
        zone="America/New_York",
        opens=time(9, 30),
        closes=time(16),
        closed_on=(date(2025, 3, 21),),
    )
    thursday, friday, saturday, sunday, monday = hours.sessions(utc("2025-03-20T15:00:00"), 5)
    assert (friday, saturday, sunday) == (
        date(2025, 3, 21),
        date(2025, 3, 22),
        date(2025, 3, 23),
    )
    assert not isinstance(thursday, date)
    assert not isinstance(monday, date)
    assert thursday.opens.isoformat() == "2025-03-20T09:30:00-04:00"
    assert monday.closes.isoformat() == "2025-03-24T16:00:00-04:00"


def test_hours_that_never_open_have_no_next_open() -> None:
    week = tuple(date(2025, 3, 24 + n) for n in range(7))
    hours = TradingHours(zone="UTC", weekdays=(0,), closed_on=week)
    assert hours.next_open(utc("2025-03-24T00:00:00")) == utc("2025-03-31T00:00:00")
    mondays = tuple(date.fromordinal(date(2025, 3, 24).toordinal() + 7 * n) for n in range(60))
    never = TradingHours(zone="UTC", weekdays=(0,), closed_on=mondays)
    assert never.next_open(utc("2025-03-24T00:00:00")) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Nowhere/City"},
        {"zone": "UTC", "opens": time(16), "closes": time(9)},
        {"zone": "UTC", "weekdays": (7,)},
        {"zone": "UTC", "weekdays": ()},
        {"zone": "UTC", "overnight": True, "opens": time(9), "closes": time(16)},
        {"zone": "UTC", "overnight": True, "opens": time(9)},
        {
            "zone": "UTC",
            "opens": time(9),
            "closes": time(16),
            "half_days": (HalfDay(day=date(2025, 3, 24), closes=time(8)),),
        },
    ],
)
def test_impossible_hours_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError)):
        TradingHours(**wrong)  # type: ignore[arg-type]


#: equity index futures: Sunday 18:00 to Monday 17:00 New York time is Monday's session
OVERNIGHT = TradingHours(
    zone="America/New_York",
    opens=time(18),
    closes=time(17),
    overnight=True,
    half_days=(HalfDay(day=date(2025, 3, 26), closes=time(13)),),
)


@pytest.mark.parametrize(
    ("at", "closes"),
    [
        ("2025-03-23T21:59:59", None),  # Sunday 17:59:59
        ("2025-03-23T22:00:00", "2025-03-24T21:00:00"),  # Sunday 18:00, Monday's session
        ("2025-03-24T04:00:00", "2025-03-24T21:00:00"),  # midnight
        ("2025-03-24T21:00:00", None),  # the hour between two sessions
        ("2025-03-24T22:00:00", "2025-03-25T21:00:00"),
        ("2025-03-26T16:59:59", "2025-03-26T17:00:00"),  # a half day ends at 13:00
        ("2025-03-26T17:00:00", None),
        ("2025-03-28T22:00:00", None),  # Friday evening
    ],
)
def test_an_overnight_session_belongs_to_the_day_it_ends_on(at: str, closes: str | None) -> None:
    session = OVERNIGHT.session_at(utc(at))
    assert (session and session.closes) == (utc(closes) if closes else None)


def test_the_next_open_of_an_overnight_session_is_on_the_evening_before() -> None:
    assert OVERNIGHT.next_open(utc("2025-03-28T22:00:00")) == utc("2025-03-30T22:00:00")
    assert OVERNIGHT.next_open(utc("2025-03-24T21:30:00")) == utc("2025-03-24T22:00:00")


def test_a_half_day_closes_early_and_the_next_day_does_not() -> None:
    # 2025-11-28, the day after Thanksgiving: 13:00 in New York is 18:00 UTC
    hours = TradingHours(
        zone="America/New_York",
        opens=time(9, 30),
        closes=time(16),
        closed_on=(date(2025, 11, 27),),
        half_days=(HalfDay(day=date(2025, 11, 28), closes=time(13)),),
    )
    assert not hours.is_open(utc("2025-11-27T15:00:00"))
    assert hours.is_open(utc("2025-11-28T17:59:59"))
    assert not hours.is_open(utc("2025-11-28T18:00:00"))
    assert hours.is_open(utc("2025-12-01T20:59:59"))
