"""Every gate by itself. Times are UTC; New York is five hours behind in November."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.gates import Allow, Circumstances, Gate, Hold, Refuse, opened_by_broker
from app.gates.age import is_recent
from app.gates.arming import is_armed
from app.gates.hours import market_is_open
from app.gates.once_a_session import is_first_of_session
from app.gates.pause import is_not_paused
from app.gates.restart import gateway_stays
from app.settings import Settings

Judge = Callable[..., Circumstances]
Configure = Callable[..., Settings]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class TestAge:
    def test_three_days_of_a_market_that_could_be_traded_are_the_limit(self, event: Judge) -> None:
        fresh = event(asked_at=at(27, 15), now=at(30, 15))
        assert is_recent(fresh) == Allow()
        stale = is_recent(event(asked_at=at(27, 15), now=at(30, 15, 1)))
        assert isinstance(stale, Refuse)
        assert (stale.gate, stale.park, stale.at_next_open) == (Gate.AGE, False, False)
        assert "asked for on 2026-11-27 at 15:00 UTC" in stale.reason

    def test_a_weekend_with_a_holiday_does_not_count(self, event: Judge) -> None:
        # From Wednesday evening it may start on Friday at 9:35; three days later is Monday 9:35.
        assert is_recent(event(asked_at=at(25, 22), now=at(30, 14, 35))) == Allow()
        assert is_recent(event(asked_at=at(25, 22), now=at(30, 14, 36))) != Allow()

    def test_what_came_too_late_to_start_in_a_session_is_as_old_as_the_next(
        self, event: Judge
    ) -> None:
        # Two minutes before the close of the day before Thanksgiving.
        assert is_recent(event(asked_at=at(25, 20, 58), now=at(30, 14, 35))) == Allow()

    def test_a_wait_by_the_brokers_own_hours_does_not_count(self, event: Judge) -> None:
        # Asked for before the open of Friday, and held by its broker until Monday 9:35.
        monday = at(30, 14, 35)
        held = opened_by_broker(at(30, 14, 30), "closed", event().settings.config.gates)
        assert held.until == monday
        early = {"asked_at": at(27, 12), "now": monday + timedelta(seconds=1)}
        assert is_recent(event(**early)) != Allow()
        assert is_recent(event(**early, closed_until=held.until)) == Allow()

    def test_three_days_after_such_a_wait_it_is_too_old(self, event: Judge) -> None:
        held = {"asked_at": at(25, 15), "closed_until": at(27, 15)}
        assert is_recent(event(**held, now=at(30, 15))) == Allow()
        assert is_recent(event(**held, now=at(30, 15, 1))) != Allow()

    def test_an_arrival_after_such_a_wait_is_as_old_as_it_is(self, event: Judge) -> None:
        later = event(asked_at=at(27, 15), closed_until=at(26, 15), now=at(30, 15))
        assert is_recent(later) == Allow()

    def test_where_no_exchange_matters_it_is_plain_time(self, event: Judge) -> None:
        event_at = event(sessions=None, asked_at=at(25, 22), now=at(28, 22, 1))
        assert is_recent(event_at) != Allow()

    def test_what_is_older_than_the_calendar_is_stale(self, event: Judge) -> None:
        assert is_recent(event(asked_at=at(1, 0))) != Allow()

    def test_the_limit_can_be_set(self, event: Judge, configure: Configure) -> None:
        settings = configure(config="gates: {max_age_minutes: 5}")
        old = event(settings=settings, asked_at=at(25, 15, 54))
        assert is_recent(old) != Allow()
        assert is_recent(event(settings=settings, asked_at=at(25, 15, 55))) == Allow()


class TestPause:
    def test_a_paused_account_waits_and_says_for_whom(self, event: Judge) -> None:
        held = is_not_paused(event(paused="account U300 was paused by anna: holidays"))
        assert held == Hold(
            gate=Gate.PAUSE,
            until=at(25, 16, 1),
            reason="account U300 was paused by anna: holidays; it goes on when trading is resumed",
        )

    def test_nothing_else_waits(self, event: Judge) -> None:
        assert is_not_paused(event()) == Allow()


class TestArming:
    def test_live_trading_needs_it(self, event: Judge) -> None:
        refused = is_armed(event(armed_until=None))
        assert isinstance(refused, Refuse)
        assert refused.park
        assert refused.reason == (
            "live trading is not armed; arm it, then try again. Nothing was sent."
        )

    def test_it_ends_at_its_time(self, event: Judge) -> None:
        assert is_armed(event(armed_until=at(25, 16, 1))) == Allow()
        expired = is_armed(event(armed_until=at(25, 16)))
        assert isinstance(expired, Refuse)
        assert "was armed until 2026-11-25 16:00 UTC" in expired.reason

    @pytest.mark.parametrize("mode", ["paper", "simulation"])
    def test_practice_needs_none(self, event: Judge, configure: Configure, mode: str) -> None:
        assert is_armed(event(settings=configure(mode), armed_until=None)) == Allow()


class TestRestart:
    @pytest.mark.parametrize(
        ("now", "until"),
        [
            (at(25, 4, 48), None),
            (at(25, 4, 49), at(25, 5, 4)),
            (at(25, 5, 3), at(25, 5, 4)),
            (at(25, 5, 4), None),
        ],
    )
    def test_nothing_begins_around_it(
        self, event: Judge, configure: Configure, now: datetime, until: datetime | None
    ) -> None:
        settings = configure(AUTO_RESTART_TIME="11:59 PM", TIME_ZONE="America/New_York")
        decision = gateway_stays(event(settings=settings, now=now))
        if until is None:
            assert decision == Allow()
        else:
            assert isinstance(decision, Hold)
            assert decision.until == until
            assert decision.reason == "the gateway restarts at 04:59 UTC (AUTO_RESTART_TIME)"

    @pytest.mark.parametrize("now", [at(25, 23, 55), at(26, 0, 4)])
    def test_a_window_around_midnight_belongs_to_both_days(
        self, event: Judge, configure: Configure, now: datetime
    ) -> None:
        settings = configure(AUTO_RESTART_TIME="00:00")
        held = gateway_stays(event(settings=settings, now=now))
        assert isinstance(held, Hold)
        assert held.until == at(26, 0, 5)

    def test_a_gateway_that_never_restarts_is_not_waited_for(self, event: Judge) -> None:
        assert gateway_stays(event()) == Allow()

    def test_the_simulator_does_not_restart(self, event: Judge, configure: Configure) -> None:
        settings = configure("simulation", AUTO_RESTART_TIME="16:00")
        assert gateway_stays(event(settings=settings)) == Allow()


class TestHours:
    @pytest.mark.parametrize(
        ("now", "until", "when"),
        [
            (at(25, 14, 29), at(25, 14, 35), "2026-11-25 at 09:35"),
            (at(25, 14, 34), at(25, 14, 35), "2026-11-25 at 09:35"),
            (at(25, 20, 55), at(27, 14, 35), "2026-11-27 at 09:35"),
            (at(26, 16), at(27, 14, 35), "2026-11-27 at 09:35"),
            (at(27, 17, 55), at(30, 14, 35), "2026-11-30 at 09:35"),
            (at(28, 12), at(30, 14, 35), "2026-11-30 at 09:35"),
        ],
    )
    def test_an_event_waits_for_the_next_open_and_the_delay(
        self, event: Judge, now: datetime, until: datetime, when: str
    ) -> None:
        held = market_is_open(event(now=now))
        assert isinstance(held, Hold)
        assert held.until == until
        assert held.reason.endswith(f"a rebalance may begin on {when} exchange time")

    @pytest.mark.parametrize("now", [at(25, 14, 35), at(25, 20, 54), at(27, 17, 54)])
    def test_it_begins_within_the_session(self, event: Judge, now: datetime) -> None:
        assert market_is_open(event(now=now)) == Allow()

    def test_the_reason_tells_a_closed_market_from_one_that_has_just_opened(
        self, event: Judge
    ) -> None:
        closed, opened = (market_is_open(event(now=now)) for now in (at(26, 16), at(27, 14, 31)))
        assert isinstance(closed, Hold)
        assert isinstance(opened, Hold)
        assert closed.reason.startswith("the market is closed;")
        assert opened.reason.startswith("the market has just opened;")

    def test_an_event_that_waited_goes_through_at_the_time_it_was_given(self, event: Judge) -> None:
        held = market_is_open(event(now=at(26, 16)))
        assert isinstance(held, Hold)
        assert market_is_open(event(now=held.until)) == Allow()
        assert market_is_open(event(now=held.until - timedelta(microseconds=1))) != Allow()

    def test_delays_can_be_set(self, event: Judge, configure: Configure) -> None:
        config = "gates: {delay_after_open_seconds: 0, stop_before_close_seconds: 0}"
        settings = configure(config=config)
        for now in (at(25, 14, 30), at(25, 20, 59)):
            assert market_is_open(event(settings=settings, now=now)) == Allow()
        assert market_is_open(event(settings=settings, now=at(25, 21))) != Allow()

    def test_the_simulated_market_never_closes(self, event: Judge, configure: Configure) -> None:
        night = event(settings=configure("simulation"), sessions=None, now=at(28, 3))
        assert market_is_open(night) == Allow()

    def test_nothing_is_traded_without_known_hours(self, event: Judge) -> None:
        with pytest.raises(ValueError, match="hours are needed"):
            market_is_open(event(sessions=None))


class TestOnceASession:
    def test_the_second_rebalance_is_refused_until_the_next_open(self, event: Judge) -> None:
        guarded = event(account={"pdt_protection_enabled": True}, rebalances_in_session=1)
        assert is_first_of_session(guarded) == Refuse(
            gate=Gate.ONCE_A_SESSION,
            park=False,
            at_next_open=True,
            reason="PDT protection: account U300 was already rebalanced in the session of "
            "2026-11-25; nothing was sent, and it is scheduled for the next open",
        )

    def test_a_session_that_closes_too_early_is_not_promised(
        self, event: Judge, configure: Configure
    ) -> None:
        guarded = event(
            account={"pdt_protection_enabled": True},
            rebalances_in_session=1,
            settings=configure(config="pdt_protection: {next_execution_time: '14:00'}\n"),
        )
        refusal = is_first_of_session(guarded)
        assert isinstance(refusal, Refuse)
        assert refusal.reason.endswith(
            "it is scheduled for the session of 2026-11-30: the one of 2026-11-27 closes too early "
            "for pdt_protection.next_execution_time"
        )

    def test_no_open_is_promised_while_the_scheduler_is_off(
        self, event: Judge, configure: Configure
    ) -> None:
        guarded = event(
            account={"pdt_protection_enabled": True},
            rebalances_in_session=1,
            settings=configure(config="scheduler: {enabled: false}\n"),
        )
        refusal = is_first_of_session(guarded)
        assert isinstance(refusal, Refuse)
        assert refusal.reason.endswith(
            "it is on the market-open list, which waits for scheduler.enabled in config.yaml"
        )

    def test_the_first_is_allowed(self, event: Judge) -> None:
        assert is_first_of_session(event(account={"pdt_protection_enabled": True})) == Allow()

    def test_an_account_without_the_guard_is_not_limited(self, event: Judge) -> None:
        assert is_first_of_session(event(rebalances_in_session=7)) == Allow()

    def test_a_count_without_its_session_is_a_mistake(self, event: Judge) -> None:
        guarded = event(
            account={"pdt_protection_enabled": True}, rebalances_in_session=1, sessions=None
        )
        with pytest.raises(ValueError, match="session is needed"):
            is_first_of_session(guarded)
