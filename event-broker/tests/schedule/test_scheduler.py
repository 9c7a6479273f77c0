"""The scheduler over days: what it enqueues, tells and remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

import app.schedule
from app.events import Command, EventSource, NewEvent
from app.notifications import Kind
from app.schedule import Scheduler
from app.settings import load_settings
from app.store.records import OrderRecord, RunRecord

Build = Callable[..., Any]

QUIET = "notifications: {digest_time: '03:00', alive_time: '03:00'}\n"

SCHEDULED = """\
accounts:
  - account_id: DU100
    type: paper
    strategy_name: alpha
    schedule:
      - {cron: "45 9 * * 1-5", command: rebalance}
      - {cron: "0 12 * * *", command: print-rebalance}
  - account_id: U300
    type: live
    strategy_name: alpha
    schedule: [{cron: "45 9 * * 1-5", command: rebalance}]
"""

DRIFTING = """\
accounts:
  - account_id: DU100
    type: paper
    strategy_name: alpha
    drift_check: {cron: "0 12 * * *", band_percent: 2}
"""


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def preview(drift: str) -> dict[str, object]:
    return {"details": {"holdings": [{"weight_before": drift, "target_weight": "0"}]}}


PREVIEW = NewEvent(account_id="DU100", command=Command.PRINT_REBALANCE, source=EventSource.API)


def look(world: Any, drift: str) -> None:
    """Somebody asks for a preview, and gets it."""
    assert not world.store.events.enqueue(PREVIEW).merged
    world.work_off(preview(drift))


def rebalanced(
    account_id: str, started_at: datetime, status: str = "done", run_id: str = "run"
) -> RunRecord:
    return RunRecord(
        run_id=run_id,
        account_id=account_id,
        command=Command.REBALANCE,
        trading_mode="paper",
        status=status,
        orders_sent=True,
        started_at=started_at,
        finished_at=started_at + timedelta(minutes=1),
        orders=(
            OrderRecord(
                order_ref="1",
                symbol="SPY",
                side="BUY",
                quantity=1,  # type: ignore[arg-type]
                order_type="MARKET",
                status="Filled",
                filled_quantity=1,  # type: ignore[arg-type]
            ),
        ),
    )


class TestSchedules:
    def test_commands_are_given_at_their_times_to_accounts_of_the_mode(self, build: Build) -> None:
        world = build(at(24, 14), accounts=SCHEDULED)
        world.pass_time(at(24, 18))
        assert [(e.account_id, e.command, e.source) for e in world.queued()] == [
            ("DU100", Command.REBALANCE, EventSource.SCHEDULE),
            ("DU100", Command.PRINT_REBALANCE, EventSource.SCHEDULE),
        ]
        assert world.queued()[0].source_ref == "rebalance DU100 at 45 9 * * 1-5 America/New_York"

    def test_a_schedule_that_is_new_makes_up_for_nothing(self, build: Build) -> None:
        world = build(at(24, 14, 50), accounts=SCHEDULED)
        world.pass_time(at(24, 15))
        assert world.queued() == []

    def test_a_restart_neither_skips_nor_doubles(self, build: Build) -> None:
        world = build(at(24, 14), accounts=SCHEDULED)
        world.at(at(24, 14, 40))
        world.restart()
        world.at(at(24, 14, 50))
        assert [event.command for event in world.work_off()] == [Command.REBALANCE]
        world.restart()
        world.at(at(24, 14, 51))
        assert world.queued() == []

    def test_two_services_on_one_store_fire_once(self, build: Build) -> None:
        world = build(at(24, 14), accounts=SCHEDULED)
        world.at(at(24, 14, 40))
        first, second = world.scheduler, world.restart()
        world.now = at(24, 14, 45)
        first.tick()
        world.work_off()
        second.tick()
        assert world.queued() == []

    def test_a_clock_that_is_set_back_does_not_repeat_anything(self, build: Build) -> None:
        world = build(at(24, 14), accounts=SCHEDULED)
        world.pass_time(at(24, 14, 50))
        world.work_off()
        world.at(at(24, 14, 30))
        world.pass_time(at(24, 14, 59))
        assert world.queued() == []

    def test_what_was_missed_is_told_once(self, build: Build) -> None:
        world = build(at(24, 14), accounts=SCHEDULED, config=QUIET)
        world.at(at(24, 15, 50))
        world.pass_time(at(24, 16, 10))
        assert world.queued() == []
        (told,) = world.told
        assert (told.kind, told.title) == (
            Kind.MISSED,
            "Missed: rebalance DU100 at 45 9 * * 1-5 America/New_York",
        )

    def test_nothing_fires_while_the_scheduler_is_off(self, build: Build) -> None:
        world = build(at(24, 14), accounts=SCHEDULED, config="scheduler: {enabled: false}")
        world.store.market_open.add("DU100", "anna")
        world.pass_time(at(24, 18), timedelta(minutes=10))
        assert world.queued() == []


class TestDriftChecks:
    def check(self, build: Build, drift: str) -> Any:
        """Noon has come, and the preview was made."""
        world = build(at(24, 16, 50), accounts=DRIFTING)
        world.pass_time(at(24, 17, 1))
        assert [e.command for e in world.work_off(preview(drift))] == [Command.PRINT_REBALANCE]
        world.at(at(24, 17, 2))
        return world

    def test_too_much_drift_is_followed_by_a_rebalance_once(self, build: Build) -> None:
        world = self.check(build, "0.0201")
        (event,) = world.work_off()
        assert (event.account_id, event.command) == ("DU100", Command.REBALANCE)
        assert event.source_ref == "drift of 2.01 percentage points"
        world.restart()
        look(world, "0.9")
        world.at(at(24, 17, 4))
        assert world.queued() == []

    def test_two_services_on_one_store_rebalance_once(self, build: Build) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING)
        world.pass_time(at(24, 17))
        world.work_off(preview("0.5"))
        first, second = world.scheduler, world.restart()
        first.tick()
        assert [e.command for e in world.work_off()] == [Command.REBALANCE]
        second.tick()
        assert world.queued() == []

    def test_drift_within_the_band_is_left_alone(self, build: Build) -> None:
        assert self.check(build, "0.02").queued() == []

    def test_the_next_check_is_judged_by_its_own_preview(self, build: Build) -> None:
        world = self.check(build, "0.5")
        world.work_off()
        world.at(at(25, 17))
        assert [e.command for e in world.queued()] == [Command.PRINT_REBALANCE]
        world.at(at(25, 17, 1))
        world.work_off(preview("0.03"))
        world.at(at(25, 17, 2))
        assert [e.command for e in world.queued()] == [Command.REBALANCE]

    def test_a_preview_that_cannot_be_read_stops_nothing(self, build: Build) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING)
        world.pass_time(at(24, 17))
        world.work_off({"status": "of another version"})
        with structlog.testing.capture_logs() as logs:
            world.at(at(24, 17, 1))
            world.at(at(24, 17, 2))
        assert world.queued() == []
        assert [entry["event"] for entry in logs] == ["scheduler.preview_unreadable"]


class TestPreviewsOfOthers:
    """Whoever looks at an account has asked for no rebalance."""

    def test_one_before_the_first_check_is_not_judged(self, build: Build) -> None:
        world = build(at(24, 15), accounts=DRIFTING)
        look(world, "0.5")
        world.pass_time(at(24, 15, 30))
        assert world.queued() == []

    def test_one_while_the_check_waits_for_its_own_is_not_judged(self, build: Build) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING)
        world.pass_time(at(24, 17))
        (check,) = world.queued()
        world.store.previews.record("DU100", preview("0.5"))
        world.at(at(24, 17, 1))
        assert world.queued() == [check]
        world.work_off(preview("0.01"))
        world.at(at(24, 17, 2))
        assert world.queued() == []

    def test_one_after_a_check_that_was_missed_is_not_judged(self, build: Build) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING, config=QUIET)
        world.at(at(24, 18, 30))
        assert [told.kind for told in world.told] == [Kind.MISSED]
        look(world, "0.5")
        world.at(at(24, 18, 31))
        assert world.queued() == []

    def test_a_check_that_was_missed_ends_the_waiting_for_the_one_before(
        self, build: Build
    ) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING)
        world.pass_time(at(24, 17))
        world.at(at(25, 18, 30))
        world.work_off(preview("0.5"))
        world.at(at(25, 18, 31))
        assert world.queued() == []

    def test_one_after_the_check_s_times_were_edited_is_not_judged(self, build: Build) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING)
        world.pass_time(at(24, 17))
        world.work_off(preview("0.01"))
        world.at(at(24, 17, 1))
        (world.home / "accounts.yaml").write_text(DRIFTING.replace("0 12", "0 15"))
        world.settings = load_settings(world.home, {})
        world.at(at(24, 17, 2))
        look(world, "0.5")
        world.at(at(24, 17, 3))
        assert world.queued() == []

    def test_one_after_the_check_s_own_was_cancelled_is_not_judged(self, build: Build) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING)
        world.pass_time(at(24, 17))
        world.store.events.cancel(world.queued()[0].event_id, "removed through the API")
        world.at(at(24, 17, 1))
        look(world, "0.5")
        world.at(at(24, 17, 2))
        assert world.queued() == []

    def test_one_that_the_check_was_merged_into_is_the_check_s(self, build: Build) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING)
        asked = world.store.events.enqueue(PREVIEW)
        world.pass_time(at(24, 17))
        assert [e.event_id for e in world.queued()] == [asked.event_id]
        world.work_off(preview("0.5"))
        world.at(at(24, 17, 1))
        assert [e.command for e in world.queued()] == [Command.REBALANCE]

    def test_one_that_took_over_the_check_s_failed_one_is_the_check_s(self, build: Build) -> None:
        world = build(at(24, 16, 50), accounts=DRIFTING)
        world.pass_time(at(24, 17))
        claim = world.store.events.claim("test")
        asked = world.store.events.enqueue(PREVIEW)
        assert not asked.merged
        assert world.store.events.release(claim).event_id == asked.event_id
        world.work_off(preview("0.5"))
        world.at(at(24, 17, 1))
        assert [e.command for e in world.queued()] == [Command.REBALANCE]


class TestMarketOpenList:
    def test_an_account_is_rebalanced_after_the_open_and_struck_off_when_that_worked(
        self, build: Build
    ) -> None:
        world = build(at(24, 12))
        world.store.market_open.add("DU100", "anna", "after the deposit")
        world.pass_time(at(24, 14, 34))
        assert world.queued() == []
        world.at(at(24, 14, 35))
        (event,) = world.work_off()
        assert (event.account_id, event.source) == ("DU100", EventSource.SCHEDULE)
        world.at(at(24, 14, 36))
        assert len(world.store.market_open.list()) == 1
        world.store.runs.record(rebalanced("DU100", at(24, 14, 36)))
        world.at(at(24, 14, 37))
        assert world.store.market_open.list() == ()
        world.pass_time(at(27, 18), timedelta(minutes=30))
        assert world.queued() == []

    @pytest.mark.parametrize("status", ["failed", "needs attention", "interrupted", "running"])
    def test_a_run_that_failed_is_repeated_at_the_next_open(
        self, build: Build, status: str
    ) -> None:
        world = build(at(25, 12))
        world.store.market_open.add("DU100", "anna")
        world.pass_time(at(25, 14, 40))
        world.work_off()
        world.store.runs.record(rebalanced("DU100", at(25, 14, 36), status))
        world.pass_time(at(25, 20), timedelta(minutes=30))
        assert world.queued() == []
        assert len(world.store.market_open.list()) == 1
        # Over the holiday.
        world.pass_time(at(27, 14, 35), timedelta(minutes=65))
        assert [e.account_id for e in world.work_off()] == ["DU100"]

    def test_what_the_guard_added_says_so(self, build: Build) -> None:
        world = build(at(24, 15))
        world.store.market_open.add("DU100", "guard", "PDT protection")
        world.pass_time(at(25, 14, 35), timedelta(minutes=59))
        (event,) = world.queued()
        assert event.source is EventSource.GUARD

    def test_a_run_of_before_the_entry_does_not_count(self, build: Build) -> None:
        world = build(at(24, 12))
        world.store.market_open.add("DU100", "anna")
        world.pass_time(at(24, 14, 40))
        world.work_off()
        world.store.runs.record(rebalanced("DU100", at(24, 14, 36)))
        world.at(at(24, 14, 41))
        world.store.market_open.add("DU100", "guard")
        world.pass_time(at(24, 16))
        assert len(world.store.market_open.list()) == 1

    def test_one_that_is_added_while_its_run_works_is_for_the_next_open(self, build: Build) -> None:
        world = build(at(24, 12))
        world.store.market_open.add("DU100", "anna")
        world.pass_time(at(24, 14, 35))
        claim = world.store.events.claim("test")
        world.at(at(24, 14, 36))
        assert world.store.market_open.add("DU100", "bob", "a deposit came")
        run = rebalanced("DU100", at(24, 14, 35))
        world.store.events.finish(claim, {"status": "success"}, run=run)
        world.pass_time(at(24, 20), timedelta(minutes=30))
        assert world.queued() == []
        assert [entry.added_by for entry in world.store.market_open.list()] == ["bob"]
        world.pass_time(at(25, 14, 35), timedelta(minutes=65))
        assert [event.account_id for event in world.work_off()] == ["DU100"]

    def test_a_time_after_an_early_close_is_left_out_and_comes_at_the_next_session(
        self, build: Build
    ) -> None:
        world = build(at(25, 22), config="scheduler: {market_open_time: '14:00'}\n" + QUIET)
        world.store.market_open.add("DU100", "anna")
        world.pass_time(at(30, 19), timedelta(minutes=30))
        assert world.queued() == []
        assert Kind.ALERT not in {told.kind for told in world.told}
        world.at(at(30, 19, 5))
        assert [event.account_id for event in world.queued()] == ["DU100"]

    def test_accounts_of_another_mode_wait_on_the_list(self, build: Build) -> None:
        world = build(at(24, 12))
        world.store.market_open.add("U300", "anna")
        world.store.market_open.add("DU200", "anna")
        world.pass_time(at(24, 16), timedelta(minutes=10))
        assert world.queued() == []
        assert len(world.store.market_open.list()) == 2

    def test_without_the_exchange_s_hours_nothing_is_guessed_and_somebody_is_told(
        self, build: Build
    ) -> None:
        world = build(at(24, 14))
        world.calendar_works = False
        world.store.market_open.add("DU100", "anna")
        with structlog.testing.capture_logs() as logs:
            world.pass_time(at(24, 14, 40))
        assert world.queued() == []
        assert {entry["log_level"] for entry in logs} == {"error"}
        assert [told.kind for told in world.told] == [Kind.ALERT]
        world.calendar_works = True
        world.at(at(24, 14, 41))
        assert len(world.queued()) == 1


class TestDailyMessages:
    def test_it_says_that_it_is_alive_and_what_happened(self, build: Build) -> None:
        # 8:30 and 17:00 in New York.
        world = build(at(23, 12))
        world.pass_time(at(24, 12), timedelta(minutes=15))
        world.told.clear()
        world.store.runs.record(rebalanced("DU100", at(24, 15), run_id="a"))
        world.store.runs.record(rebalanced("DU100", at(24, 16), "nothing to do", run_id="b"))
        world.store.runs.record(rebalanced("DU100", at(22, 16), run_id="c"))
        world.pass_time(at(25, 12), timedelta(minutes=15))
        assert [told.kind for told in world.told] == [Kind.ALIVE, Kind.DIGEST]
        assert "1 account, trading mode simulation, 1 process at work" in world.told[0].body
        assert world.told[1].title == "Daily digest: 2 rebalances, 2 orders filled"
        assert "From 2026-11-23 17:00 EST to 2026-11-24 17:00 EST" in world.told[1].body

    def test_it_does_not_say_that_it_is_alive_when_its_workers_have_vanished(
        self, build: Build
    ) -> None:
        world = build(at(23, 12))
        world.worker_is_there = False
        world.at(at(23, 13, 40))
        assert [(told.kind, told.title) for told in world.told] == [
            (Kind.ALERT, "ACTION REQUIRED: no process works events")
        ]

    def test_a_restart_does_not_repeat_them(self, build: Build) -> None:
        world = build(at(23, 12))
        world.at(at(23, 13, 40))
        world.restart()
        world.at(at(23, 13, 41))
        assert [told.kind for told in world.told] == [Kind.ALIVE]


async def test_it_runs_until_it_is_told_to_stop(build: Build) -> None:
    world = build(at(24, 14), accounts=SCHEDULED)
    world.at(at(24, 14, 40))
    world.now = at(24, 14, 45)
    enqueued, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    world.store.wake.subscribe(lambda: loop.call_soon_threadsafe(enqueued.set))
    running = asyncio.create_task(world.scheduler.run(stop))
    async with asyncio.timeout(10):
        await enqueued.wait()
        stop.set()
        await running
    assert [event.command for event in world.queued()] == [Command.REBALANCE]


def test_the_public_names_are_these() -> None:
    assert set(app.schedule.__all__) == {"GUARD", "Due", "Scheduler", "due_time"}
    assert app.schedule.Scheduler is Scheduler
