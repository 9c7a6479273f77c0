"""When cron-like times come; expected times are worked out by hand, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schedule.times import Verdict, judge, times_after
from app.settings.schedules import Times

HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def new_york(cron: str) -> Times:
    return Times(cron=cron)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # Mondays and the turn of the year.
        ("45 9 * * 1", "2026-12-25T00:00", ["2026-12-28T14:45", "2027-01-04T14:45"]),
        # 9:45 is an hour earlier in UTC when summer time begins, on Sunday 8 March 2026.
        ("45 9 * * *", "2026-03-07T00:00", ["2026-03-07T14:45", "2026-03-08T13:45"]),
        # 2:30 does not exist that night: right after the gap, once.
        ("30 2 * * *", "2026-03-07T12:00", ["2026-03-08T07:00", "2026-03-09T06:30"]),
        # 1:30 comes twice on 1 November: the first time only.
        ("30 1 * * *", "2026-10-31T12:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        # ... also when asked between the two, or in the second hour.
        ("30 1 * * *", "2026-11-01T05:40", ["2026-11-02T06:30", "2026-11-03T06:30"]),
        ("30 1 * * *", "2026-11-01T06:10", ["2026-11-02T06:30", "2026-11-03T06:30"]),
        # What comes every half hour goes on through the repeated hour.
        ("*/30 * * * *", "2026-11-01T05:10", ["2026-11-01T05:30", "2026-11-01T06:00"]),
    ],
)
def test_times_follow_the_exchange_s_clock(cron: str, after: str, expected: list[str]) -> None:
    assert list(islice(times_after(new_york(cron), at(after)), 2)) == [at(t) for t in expected]


def test_another_time_zone_can_be_given() -> None:
    berlin = Times(cron="0 15 * * *", time_zone="Europe/Berlin")
    assert next(times_after(berlin, at("2026-07-01T00:00"))) == at("2026-07-01T13:00")


def test_a_time_is_over_the_moment_it_comes() -> None:
    noon = new_york("0 12 * * *")
    assert next(times_after(noon, at("2026-11-20T17:00"))) == at("2026-11-21T17:00")


class TestJudging:
    #: 14:45 UTC in November.
    daily = new_york("45 9 * * *")

    @pytest.mark.parametrize(
        ("now", "fired_at", "verdict"),
        [
            ("2026-11-20T14:44:59", "2026-11-19T14:45", Verdict()),
            ("2026-11-20T14:45:00", "2026-11-19T14:45", Verdict(due=at("2026-11-20T14:45"))),
            ("2026-11-20T15:45:00", "2026-11-20T14:45", Verdict()),
            # Nothing ran at its time: it is made up for within the grace, and missed afterwards.
            ("2026-11-20T15:44:59", "2026-11-19T14:45", Verdict(due=at("2026-11-20T14:45"))),
            ("2026-11-20T15:45:00", "2026-11-19T14:45", Verdict(missed=at("2026-11-20T14:45"))),
            # Days passed: the last one fires, the others do not.
            ("2026-11-20T14:50:00", "2026-11-16T14:45", Verdict(due=at("2026-11-20T14:45"))),
            ("2026-11-20T20:00:00", "2026-11-16T14:45", Verdict(missed=at("2026-11-17T14:45"))),
            # The clock was set back.
            ("2026-11-18T14:45:00", "2026-11-20T14:45", Verdict()),
        ],
    )
    def test_a_daily_time(self, now: str, fired_at: str, verdict: Verdict) -> None:
        assert judge(self.daily, now=at(now), fired_at=at(fired_at), grace=HOUR) == verdict

    def test_of_many_times_within_the_grace_the_last_one_fires(self) -> None:
        verdict = judge(
            new_york("* * * * *"),
            now=at("2026-11-20T15:00:30"),
            fired_at=at("2026-11-20T14:10"),
            grace=HOUR,
        )
        assert verdict == Verdict(due=at("2026-11-20T15:00"))

    @settings(max_examples=60, deadline=None)
    @given(
        jumps=st.lists(st.integers(min_value=-7200, max_value=7200), min_size=1, max_size=30),
        cron=st.sampled_from(["*/7 * * * *", "30 1 * * *", "0 * * * *", "15,45 0-3 * * *"]),
    )
    def test_however_the_clock_jumps_no_time_fires_twice_and_times_only_grow(
        self, jumps: list[int], cron: str
    ) -> None:
        now = at("2026-11-01T04:00")
        fired_at = now
        fired: list[datetime] = []
        for jump in jumps:
            now += timedelta(seconds=jump)
            verdict = judge(new_york(cron), now=now, fired_at=fired_at, grace=HOUR)
            if verdict.due:
                assert now - HOUR < verdict.due <= now
                fired.append(verdict.due)
                fired_at = verdict.due
        assert fired == sorted(set(fired))

    def test_a_clock_that_is_looked_at_every_minute_skips_nothing(self) -> None:
        begin, end = at("2026-11-01T04:00"), at("2026-11-01T08:00")
        expected = [t for t in islice(times_after(new_york("*/10 * * * *"), begin), 40) if t <= end]
        fired_at, fired = begin, []
        for minute in range(1, 241):
            now = begin + timedelta(minutes=minute)
            due = judge(new_york("*/10 * * * *"), now=now, fired_at=fired_at, grace=HOUR).due
            if due:
                fired.append(due)
                fired_at = due
        assert fired == expected
        assert len(fired) == 24
