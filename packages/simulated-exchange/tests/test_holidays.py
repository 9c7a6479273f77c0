"""Days without trading; the dates are those that nyse.com publishes (Holidays & Trading Hours)."""

from datetime import UTC, date, datetime, time

import pytest

from simulated_exchange import TradingHours
from simulated_exchange.holidays import exceptions

PUBLISHED = {
    2025: "01-01 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
}
EARLY = {2025: "07-03 11-28 12-24", 2026: "11-27 12-24", 2027: "11-26"}


def days(year: int, listed: str) -> set[date]:
    return {date.fromisoformat(f"{year}-{day}") for day in listed.split()}


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_exchange_is_closed_on_the_published_days(year: int) -> None:
    assert exceptions("NYSE", year).closed == days(year, PUBLISHED[year])


@pytest.mark.parametrize("year", EARLY)
def test_it_closes_at_one_on_the_published_days(year: int) -> None:
    assert exceptions("NYSE", year).early == dict.fromkeys(days(year, EARLY[year]), time(13))


def test_a_new_year_on_a_saturday_is_not_made_up_for_and_on_a_sunday_it_is() -> None:
    assert date(2021, 12, 31) not in exceptions("NYSE", 2021).closed
    assert date(2023, 1, 2) in exceptions("NYSE", 2023).closed


def test_juneteenth_is_kept_since_2022() -> None:
    assert date(2020, 6, 19) not in exceptions("NYSE", 2020).closed


def test_regular_hours_know_the_holidays() -> None:
    hours = TradingHours.us_regular()
    wednesday = datetime(2026, 11, 25, 22, tzinfo=UTC)
    thanksgiving, friday = hours.sessions(wednesday, 3)[1:]
    assert thanksgiving == date(2026, 11, 26)
    assert hours.next_open(wednesday) == datetime(2026, 11, 27, 14, 30, tzinfo=UTC)
    assert getattr(friday, "closes", None) == datetime(2026, 11, 27, 18, tzinfo=UTC)


def test_a_calendar_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no calendar 'XETR'"):
        TradingHours(zone="Europe/Berlin", calendar="XETR")


@pytest.mark.parametrize(
    ("hours", "due"),
    [
        # Thanksgiving, and the weekend, are no business days.
        (TradingHours.us_regular(), "2026-11-30T05:00:00+00:00"),
        # A market that never closes settles at no weekend either.
        (TradingHours.always(), "2026-11-27T05:00:00+00:00"),
        (TradingHours(zone="UTC", closed_on=(date(2026, 11, 27),)), "2026-11-30T00:00:00+00:00"),
    ],
)
def test_business_days_are_weekdays_on_which_the_market_is_open(
    hours: TradingHours, due: str
) -> None:
    wednesday = datetime(2026, 11, 25, 20, tzinfo=UTC)
    assert hours.business_days_later(wednesday, 2).isoformat() == due
