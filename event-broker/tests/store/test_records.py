"""Messages, feeds, runs, previews, controls, schedules and workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, event

from app.events import Command, EventState, LeaseLost
from app.store import Store, open_store
from app.store.records import (
    FillRecord,
    Message,
    MessageOrigin,
    MessageStatus,
    OrderRecord,
    RunRecord,
    RunSummary,
    RunTally,
    ScheduleMark,
)
from app.store.testing import AdjustableClock, arrival, claimed

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def message(message_id: str, channel: str = "alpha", **changes: object) -> Message:
    plain = Message(
        channel=channel,
        message_id=message_id,
        timestamp=NOON,
        raw='{"exec": "rebalance"}',
        origin=MessageOrigin.LIVE,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


class TestMessages:
    def test_a_message_is_kept_once_for_good(self, store: Store) -> None:
        first = message("a:0", serial="s1", name="signal")
        assert store.messages.record(first)
        assert not store.messages.record(message("a:0", raw="other"))
        assert store.messages.record(message("a:0", channel="beta"))
        again = [message("a:0", origin=MessageOrigin.HISTORY), message("a:1")]
        assert store.messages.record_all(again) == 1
        kept = store.messages.list(channel="alpha")
        assert [one.message.message_id for one in kept] == ["a:1", "a:0"]
        assert kept[1].message == first
        assert (kept[1].status, kept[1].dispatched_at) == (MessageStatus.RECEIVED, None)

    def test_messages_are_looked_at_in_the_order_of_publication(self, store: Store) -> None:
        store.messages.record(message("late", timestamp=NOON + _HOUR))
        store.messages.record(message("b", serial="2"))
        store.messages.record(message("a", serial="2"))
        store.messages.record(message("z", serial="1"))
        store.messages.record(message("unnumbered"))
        store.messages.record(message("x", channel="beta"))
        waiting = store.messages.undispatched(channels=["alpha"])
        ids = [one.message.message_id for one in waiting]
        assert ids == ["unnumbered", "z", "a", "b", "late"]
        assert len(store.messages.undispatched()) == 6
        assert len(store.messages.undispatched(limit=2)) == 2
        assert store.messages.undispatched(channels=[]) == ()

    def test_a_message_leads_to_its_events_once(self, store: Store) -> None:
        store.messages.record(message("a"))
        (stored,) = store.messages.undispatched()
        events = [arrival("DU1", source_ref="a"), arrival("DU2", source_ref="a")]
        enqueued = store.messages.dispatch(stored, events)
        assert enqueued is not None
        assert [one.merged for one in enqueued] == [False, False]
        assert store.messages.dispatch(stored, events) is None
        assert store.messages.undispatched() == ()
        assert store.events.statistics().queue_length == 2
        (ticked,) = store.messages.list()
        assert ticked.status is MessageStatus.DISPATCHED
        assert ticked.dispatched_at is not None

    def test_its_events_merge_into_those_that_wait_already(self, store: Store) -> None:
        waiting = store.events.enqueue(arrival("DU2")).event_id
        other = store.events.enqueue(arrival("DU1", Command.CANCEL_ORDERS)).event_id
        store.messages.record(message("a"))
        (stored,) = store.messages.undispatched()
        accounts = ("DU1", "DU2", "DU3")
        enqueued = store.messages.dispatch(stored, [arrival(each) for each in accounts])
        assert enqueued is not None
        assert [one.merged for one in enqueued] == [False, True, False]
        assert enqueued[1].event_id == waiting
        queued = [store.events.get(one.event_id) for one in enqueued]
        assert [event.account_id for event in queued] == list(accounts)
        in_turn = [claimed(store).event.event_id for _ in range(3)]
        # No two events of one account run at a time.
        assert in_turn == [waiting, other, enqueued[2].event_id]

    def test_many_events_of_a_message_keep_their_order(self, store: Store) -> None:
        accounts = [f"DU{number}" for number in range(40)]
        store.messages.record(message("a"))
        (stored,) = store.messages.undispatched()
        enqueued = store.messages.dispatch(stored, [arrival(each) for each in accounts])
        assert enqueued is not None
        assert [claimed(store).event.event_id for _ in accounts] == [e.event_id for e in enqueued]

    def test_a_message_may_lead_to_nothing_with_a_reason(self, store: Store) -> None:
        store.messages.record(message("a"))
        (stored,) = store.messages.undispatched()
        store.messages.dispatch(stored, (), MessageStatus.STALE, "three hours old")
        store.messages.record(message("b", raw="{"), MessageStatus.MALFORMED, "no JSON")
        kept = {one.message.message_id: (one.status, one.detail) for one in store.messages.list()}
        assert kept == {"a": ("stale", "three hours old"), "b": ("malformed", "no JSON")}
        assert store.messages.undispatched() == ()


class TestFeeds:
    def test_the_first_start_ever_is_remembered(self, store: Store) -> None:
        assert store.feeds.get("alpha") is None
        begun = store.feeds.start("alpha", NOON)
        assert (begun.first_started_at, begun.continuous_until) == (NOON, NOON)
        assert store.feeds.start("alpha", NOON + _HOUR) == begun
        assert store.feeds.get("alpha") == begun

    def test_what_is_known_never_goes_back(self, store: Store) -> None:
        store.feeds.start("alpha", NOON)
        store.feeds.advance("alpha", NOON + _HOUR, last_message_at=NOON)
        store.feeds.advance("alpha", NOON, last_message_at=NOON - _HOUR)
        store.feeds.observe_retention("alpha", timedelta(days=1))
        store.feeds.observe_retention("alpha", timedelta(minutes=2))
        feed = store.feeds.get("alpha")
        assert feed is not None
        assert (feed.continuous_until, feed.last_message_at) == (NOON + _HOUR, NOON)
        assert feed.observed_retention == timedelta(days=1)

    def test_a_channel_may_need_to_catch_up_before_it_ever_started(self, store: Store) -> None:
        store.feeds.mark_dirty("alpha")
        store.feeds.permit_history("beta", False)
        alpha, beta = store.feeds.list()
        assert (alpha.channel, alpha.dirty, alpha.history_permitted) == ("alpha", True, None)
        assert (beta.channel, beta.dirty, beta.history_permitted) == ("beta", False, False)
        assert store.feeds.start("alpha", NOON).dirty
        store.feeds.mark_dirty("alpha", False)
        assert not store.feeds.start("alpha", NOON).dirty

    def test_a_gap_stays_open_until_a_person_has_seen_it(self, store: Store) -> None:
        gap = store.feeds.record_gap("alpha", NOON, NOON + _HOUR, "down for an hour")
        assert gap is not None
        assert store.feeds.gaps() == (gap,)
        assert store.feeds.gaps(channel="beta") == ()
        assert store.feeds.acknowledge(gap.gap_id, "operator")
        assert not store.feeds.acknowledge(gap.gap_id, "operator")
        assert store.feeds.gaps() == ()
        (seen,) = store.feeds.gaps(open_only=False)
        assert (seen.acknowledged_by, seen.begins_at) == ("operator", NOON)

    def test_what_another_process_received_meanwhile_is_no_gap(self, store: Store) -> None:
        store.feeds.start("alpha", NOON)
        store.feeds.advance("alpha", NOON + _HOUR)
        assert store.feeds.record_gap("alpha", NOON, NOON + _HOUR, "down") is None
        assert store.feeds.gaps() == ()
        gap = store.feeds.record_gap("alpha", NOON, NOON + 2 * _HOUR, "down")
        assert gap is not None
        assert (gap.begins_at, gap.ends_at) == (NOON + _HOUR, NOON + 2 * _HOUR)
        feed = store.feeds.get("alpha")
        assert feed is not None
        assert feed.continuous_until == NOON + 2 * _HOUR

    def test_of_processes_that_find_the_same_gap_one_records_it(self, store: Store) -> None:
        store.feeds.start("alpha", NOON)
        with ThreadPoolExecutor(4) as processes:
            recorded = processes.map(
                lambda late: store.feeds.record_gap("alpha", NOON, NOON + _HOUR + late, "down"),
                [timedelta(seconds=n) for n in range(4)],
            )
            (told,) = [gap for gap in recorded if gap is not None]
        (gap,) = store.feeds.gaps()
        assert (gap.gap_id, gap.begins_at) == (told.gap_id, NOON)
        assert gap.ends_at == NOON + _HOUR + timedelta(seconds=3)

    def test_only_an_open_gap_of_the_same_reason_becomes_longer(self, store: Store) -> None:
        store.feeds.start("alpha", NOON)
        starts = [NOON + n * _HOUR for n in range(4)]
        first = store.feeds.record_gap("alpha", starts[0], starts[1], "down")
        other = store.feeds.record_gap("alpha", starts[1], starts[2], "undecodable")
        assert first is not None
        assert other is not None
        assert store.feeds.acknowledge(other.gap_id, "operator")
        assert store.feeds.record_gap("alpha", starts[2], starts[3], "undecodable") is not None
        assert len(store.feeds.gaps(open_only=False)) == 3


ORDER = OrderRecord(
    order_ref="r1/AAA/BUY/1",
    order_id="17",
    symbol="AAA",
    side="BUY",
    quantity=Decimal("12.50"),
    order_type="LMT",
    limit_price=Decimal("100.10"),
    status="Filled",
    filled_quantity=Decimal("12.50"),
    average_price=Decimal("0.1") + Decimal("0.2"),
)
FILL = FillRecord(
    execution_id="x1",
    order_ref=ORDER.order_ref,
    symbol="AAA",
    side="BUY",
    quantity=Decimal("12.50"),
    price=Decimal("100.0999999999999999"),
    commission=Decimal("1.00"),
    executed_at=NOON,
)
RUN = RunRecord(
    run_id="r1",
    account_id="DU1",
    command=Command.REBALANCE,
    trading_mode="paper",
    session_date=date(2026, 3, 2),
    status="running",
    orders_sent=True,
    started_at=NOON,
)


class TestRuns:
    def test_a_run_is_kept_to_the_last_digit(self, store: Store) -> None:
        event_id = store.events.enqueue(arrival()).event_id
        store.runs.record(RUN)
        ended = replace(
            RUN,
            event_id=event_id,
            status="done",
            finished_at=NOON + _HOUR,
            result={"orders": []},
            orders=(ORDER,),
            fills=(FILL,),
        )
        store.runs.record(ended)
        store.runs.record(ended)
        assert store.runs.get("r1") == ended
        assert store.runs.list(event_id=event_id) == (ended,)
        assert store.runs.get("r2") is None

    def test_a_run_and_the_end_of_its_event_are_kept_together(self, store: Store) -> None:
        store.events.enqueue(arrival())
        claim = claimed(store)
        run = replace(RUN, event_id=claim.event.event_id, status="done", orders=(ORDER,))
        event = store.events.finish(claim, {"n": 1}, run=run)
        # Its worker may not have heard of the commit.
        assert store.events.finish(claim, {"n": 1}, run=run) == event
        assert store.runs.list() == (run,)

    def test_who_has_lost_the_event_keeps_nothing_with_its_end(self, store: Store) -> None:
        store.events.enqueue(arrival())
        claim = claimed(store)
        store.events.release(claim)
        with pytest.raises(LeaseLost):
            store.events.finish(claim, {"n": 1}, run=RUN, is_preview=True)
        assert store.runs.list() == ()
        assert store.previews.list() == ()

    def test_the_newest_runs_are_listed_first(self, store: Store) -> None:
        for number in range(4):
            started = NOON + number * _HOUR
            run = replace(RUN, run_id=f"r{number}", account_id=f"DU{number % 2}")
            store.runs.record(replace(run, started_at=started))
        assert [run.run_id for run in store.runs.list(limit=3)] == ["r3", "r2", "r1"]
        assert [run.run_id for run in store.runs.list(account_id="DU0")] == ["r2", "r0"]

    def test_runs_are_summed_up_without_what_is_in_them(self, store: Store) -> None:
        for number in range(4):
            run = replace(RUN, run_id=f"r{number}", account_id=f"DU{number % 2}")
            started = NOON + number * _HOUR
            store.runs.record(
                replace(run, started_at=started, result={"n": 1}, orders=(ORDER,), fills=(FILL,))
            )
        newest, *_ = found = store.runs.summaries(3)
        assert [run.run_id for run in found] == ["r3", "r2", "r1"]
        assert type(newest) is RunSummary
        known = store.runs.get("r3")
        assert known is not None
        names = RunSummary.__dataclass_fields__
        assert [getattr(newest, name) for name in names] == [getattr(known, n) for n in names]
        assert [run.run_id for run in store.runs.summaries(account_id="DU0")] == ["r2", "r0"]

    def test_the_runs_of_a_time_are_counted(self, store: Store) -> None:
        def record(run_id: str, *filled: str, **changes: object) -> None:
            orders = tuple(
                replace(ORDER, order_ref=f"{run_id}/{n}", filled_quantity=Decimal(shares))
                for n, shares in enumerate(filled)
            )
            store.runs.record(replace(RUN, run_id=run_id, orders=orders, **changes))  # type: ignore[arg-type]

        record("before", "1", started_at=NOON - timedelta(microseconds=1))
        record("first", "3", "0", "0E-8", "1E+2", status="done", started_at=NOON)
        record("second", "0.00", status="done", started_at=NOON + _HOUR)
        record("failed", started_at=NOON + _HOUR, status="failed")
        record("preview", "5", started_at=NOON + _HOUR, command=Command.PRINT_REBALANCE)
        record("after", "1", started_at=NOON + 2 * _HOUR)
        tally = store.runs.tally(Command.REBALANCE, NOON, NOON + 2 * _HOUR)
        assert tally == RunTally(by_status={"done": 2, "failed": 1}, trades=2)
        later = NOON + 9 * _HOUR
        assert store.runs.tally(Command.REBALANCE, later, later) == RunTally(by_status={}, trades=0)

    def test_the_latest_rebalance_of_every_account(self, store: Store) -> None:
        assert store.runs.latest_rebalances() == {}
        for number in range(4):
            started = NOON + number * _HOUR
            run = replace(RUN, run_id=f"r{number}", account_id=f"DU{number % 2}")
            store.runs.record(replace(run, started_at=started))
        later = replace(RUN, run_id="preview", command=Command.PRINT_REBALANCE)
        store.runs.record(replace(later, started_at=NOON + 9 * _HOUR))
        assert store.runs.latest_rebalances() == {"DU0": NOON + 2 * _HOUR, "DU1": NOON + 3 * _HOUR}

    def test_a_session_is_used_by_rebalances_that_may_have_sent_orders(self, store: Store) -> None:
        day, event_id = date(2026, 3, 2), store.events.enqueue(arrival("DU1")).event_id
        assert store.events.standing(event_id, day).sessions_used == 0
        store.runs.record(replace(RUN, run_id="used"))
        store.runs.record(replace(RUN, run_id="no orders", orders_sent=False))
        store.runs.record(replace(RUN, run_id="preview", command=Command.PRINT_REBALANCE))
        store.runs.record(replace(RUN, run_id="other account", account_id="DU2"))
        store.runs.record(replace(RUN, run_id="yesterday", session_date=date(2026, 3, 1)))
        assert store.events.standing(event_id, day).sessions_used == 1
        assert store.events.standing(event_id, None).sessions_used == 0


def test_the_latest_preview_of_each_account_is_found(store: Store) -> None:
    assert store.previews.latest("DU1") is None
    event_id = store.events.enqueue(arrival()).event_id
    store.previews.record("DU2", {"trades": 0})
    store.previews.record("DU1", {"trades": 1})
    newest = store.previews.record("DU1", {"trades": 2}, event_id=event_id)
    assert (newest.result, newest.event_id) == ({"trades": 2}, event_id)
    assert store.previews.latest("DU1") == newest
    of_each = store.previews.latest_of_each()
    assert [(one.account_id, one.result["trades"]) for one in of_each] == [("DU1", 2), ("DU2", 0)]
    assert len(store.previews.list()) == 3
    assert [one.result["trades"] for one in store.previews.list(account_id="DU1")] == [2, 1]


def test_a_preview_is_kept_once_with_the_end_of_its_event(store: Store) -> None:
    store.events.enqueue(arrival("DU1"))
    claim = claimed(store)
    for _ in range(2):
        store.events.finish(claim, {"trades": 3}, is_preview=True)
    (preview,) = store.previews.list()
    assert (preview.account_id, preview.event_id) == ("DU1", claim.event.event_id)
    assert preview.result == {"trades": 3}


class TestControls:
    def test_pauses_say_who_and_why_and_end_one_by_one(self, store: Store) -> None:
        assert not store.controls.is_paused("DU1")
        store.controls.pause("DU1", by="ann", reason="audit")
        store.controls.pause(None, by="bob")
        store.controls.pause(None, by="eve", reason="again")
        everything, one = store.controls.paused()
        assert (everything.account_id, everything.paused_by) == (None, "eve")
        assert (one.account_id, one.paused_by, one.reason) == ("DU1", "ann", "audit")
        assert store.controls.is_paused("DU2")
        assert store.controls.resume(None)
        assert not store.controls.resume(None)
        assert store.controls.is_paused("DU1")
        assert not store.controls.is_paused("DU2")

    def test_arming_ends_by_itself_or_by_hand(self, store: Store, clock: AdjustableClock) -> None:
        assert store.controls.armed_until() is None
        until = datetime.now(UTC) + _HOUR
        store.controls.arm(until - timedelta(minutes=30), by="ann")
        store.controls.arm(until, by="bob")
        arming = store.controls.arming()
        assert arming is not None
        assert (arming.armed_until, arming.armed_by) == (until, "bob")
        clock.advance(_HOUR)
        assert store.controls.armed_until() is None
        assert store.controls.disarm()
        assert not store.controls.disarm()

    def test_what_decides_on_an_event_is_read_together(
        self, store: Store, clock: AdjustableClock
    ) -> None:
        event_id = store.events.enqueue(arrival("DU1")).event_id
        standing = store.events.standing(event_id, None)
        assert (standing.pause, standing.armed_until) == (None, None)
        until = datetime.now(UTC) + _HOUR
        store.controls.arm(until, by="ann")
        store.controls.pause("DU2", by="bob")
        standing = store.events.standing(event_id, None)
        assert (standing.pause, standing.armed_until) == (None, until)
        store.controls.pause("DU1", by="bob", reason="audit")
        assert store.events.standing(event_id, None).pause == store.controls.paused()[0]
        store.controls.pause(None, by="eve")
        everything = store.events.standing(event_id, None).pause
        assert everything is not None
        assert (everything.account_id, everything.paused_by) == (None, "eve")
        clock.advance(_HOUR)
        assert store.events.standing(event_id, None).armed_until is None

    def test_an_account_is_once_on_the_market_open_list(self, store: Store) -> None:
        assert store.market_open.add("DU2", by="ann", reason="new strategy")
        assert store.market_open.add("DU1", by="guard")
        assert not store.market_open.add("DU2", by="bob")
        entries = store.market_open.list()
        assert [(e.account_id, e.added_by) for e in entries] == [("DU2", "ann"), ("DU1", "guard")]
        assert store.market_open.remove("DU1")
        assert not store.market_open.remove("DU1")
        store.market_open.add("DU3", by="ann")
        assert store.market_open.clear() == 2

    def test_an_entry_of_the_market_open_list_fires_once_whoever_asks(
        self, store: Store, database_url: str
    ) -> None:
        store.market_open.add("DU1", by="ann")
        (entry,) = store.market_open.list()
        assert store.market_open.fire(entry, NOON, arrival("DU1"))
        with open_store(database_url) as other:
            assert not other.market_open.fire(entry, NOON, arrival("DU1"))
            assert not other.market_open.fire(entry, NOON - _HOUR, arrival("DU1"))
        assert store.market_open.list() == (replace(entry, fired_at=NOON),)
        assert len(store.events.list()) == 1
        assert store.market_open.fire(entry, NOON + _HOUR, arrival("DU1"))
        assert len(store.events.list()) == 2
        store.market_open.remove("DU1")
        assert not store.market_open.fire(entry, NOON + 2 * _HOUR, arrival("DU1"))
        assert len(store.events.list()) == 2

    def test_an_entry_that_has_fired_is_replaced(
        self, store: Store, clock: AdjustableClock
    ) -> None:
        store.market_open.add("DU1", by="ann", reason="deposit")
        (old,) = store.market_open.list()
        store.market_open.fire(old, NOON, arrival("DU1"))
        clock.advance(_HOUR)
        assert store.market_open.add("DU1", by="guard", reason="PDT protection")
        (new,) = store.market_open.list()
        assert (new.added_by, new.reason, new.fired_at) == ("guard", "PDT protection", None)
        assert new.added_at >= old.added_at + _HOUR
        assert not store.market_open.add("DU1", by="bob")
        # Nobody who knows the old one does anything to the new one.
        assert not store.market_open.fire(old, NOON + _HOUR, arrival("DU1"))
        assert not store.market_open.strike_off(old)
        assert store.market_open.list() == (new,)
        assert store.market_open.strike_off(new)
        assert store.market_open.list() == ()

    def test_what_replaces_an_entry_is_never_for_the_session_in_which_that_one_fired(
        self, store: Store
    ) -> None:
        """The clock of the database may be behind that of the service."""
        store.market_open.add("DU1", by="ann")
        (old,) = store.market_open.list()
        due = old.added_at + _HOUR
        store.market_open.fire(old, due, arrival("DU1"))
        assert store.market_open.add("DU1", by="guard")
        assert [entry.added_at for entry in store.market_open.list()] == [due]

    def test_a_schedule_fires_once_whoever_asks(self, store: Store, database_url: str) -> None:
        assert store.schedules.mark("DU1 daily") is None
        assert store.schedules.fire("DU1 daily", NOON, arrival())
        (enqueued,) = store.events.list()
        assert store.schedules.mark("DU1 daily") == ScheduleMark(
            fired_at=NOON, event_id=enqueued.event_id
        )
        with open_store(database_url) as other:
            assert not other.schedules.fire("DU1 daily", NOON, arrival())
            assert not other.schedules.fire("DU1 daily", NOON - _HOUR)
            assert other.schedules.fire("DU1 daily", NOON + _HOUR)
        assert store.schedules.mark("DU1 daily") == ScheduleMark(
            fired_at=NOON + _HOUR, event_id=None
        )
        assert store.events.list() == (enqueued,)

    def test_what_follows_from_a_schedule_s_event_is_enqueued_once(
        self, store: Store, database_url: str
    ) -> None:
        waiting = store.events.enqueue(arrival("DU1"))
        store.schedules.fire("DU1 daily", NOON, arrival("DU1"))
        mark = store.schedules.mark("DU1 daily")
        assert mark == ScheduleMark(fired_at=NOON, event_id=waiting.event_id)
        assert not store.schedules.settle("DU1 daily", "another", arrival("DU2"))
        with open_store(database_url) as other:
            assert other.schedules.settle("DU1 daily", waiting.event_id, arrival("DU2"))
            assert not store.schedules.settle("DU1 daily", waiting.event_id, arrival("DU2"))
        assert len(store.events.list(account_id="DU2")) == 1
        assert store.schedules.mark("DU1 daily") == ScheduleMark(fired_at=NOON, event_id=None)

    def test_a_schedule_fires_once_though_another_service_is_faster_by_a_moment(
        self, postgres_url: str
    ) -> None:
        """On SQLite one writes after the other anyway."""
        with open_store(postgres_url) as store, open_store(postgres_url) as other:
            store.schedules.fire("DU1 daily", NOON - _HOUR)
            rivals: list[bool | None] = []

            def outrun(_c: object, _k: object, statement: str, *_: object) -> None:
                # After whatever was read, right before the mark is written.
                if statement.startswith("UPDATE schedule_marks") and not rivals:
                    rivals.append(None)
                    rivals[0] = other.schedules.fire("DU1 daily", NOON, arrival())
                    claimed(other)  # so that a second event would not merge into it

            event.listen(Engine, "before_cursor_execute", outrun)
            try:
                assert not store.schedules.fire("DU1 daily", NOON, arrival())
            finally:
                event.remove(Engine, "before_cursor_execute", outrun)
            assert rivals == [True]
            assert len(store.events.list()) == 1


def test_processes_are_known_until_they_leave(store: Store, clock: AdjustableClock) -> None:
    store.workers.register("w1", host="here", pid=7, role="all", version="1.0.0")
    clock.advance(_HOUR)
    store.workers.register("w2", host="there", pid=8, role="api", version="1.0.0")
    store.workers.beat("w1")
    first, second = store.workers.list()
    assert (first.worker, first.host, first.pid, first.role) == ("w1", "here", 7, "all")
    assert first.seen_at - first.started_at >= _HOUR
    assert second.seen_at - second.started_at < _HOUR
    store.workers.leave("w1")
    assert [worker.worker for worker in store.workers.list()] == ["w2"]


def test_a_process_that_says_nothing_any_more_has_vanished(
    store: Store, clock: AdjustableClock
) -> None:
    for worker, role in (("w1", "all"), ("w2", "worker"), ("w3", "ingest"), ("w4", "api")):
        store.workers.register(worker, host="here", pid=7, role=role, version="1.0.0")
    assert (len(store.workers.present()), store.workers.at_work()) == (4, 2)
    clock.advance(timedelta(seconds=21))
    store.workers.beat("w2")
    store.workers.beat("w3")
    assert [worker.worker for worker in store.workers.present()] == ["w2", "w3"]
    assert store.workers.at_work() == 1
    assert len(store.workers.list()) == 4
    clock.advance(timedelta(days=7))
    store.workers.register("w5", host="here", pid=8, role="all", version="1.0.0")
    assert [worker.worker for worker in store.workers.list()] == ["w5"]


@pytest.mark.parametrize("state", [EventState.DONE, EventState.NEEDS_ATTENTION])
def test_everything_is_there_after_the_store_was_closed(
    database_url: str, state: EventState
) -> None:
    with open_store(database_url) as store:
        store.events.enqueue(arrival(payload={"n": 1}))
        claim = claimed(store)
        if state is EventState.DONE:
            kept = store.events.finish(claim, {"n": 2})
        else:
            kept = store.events.park(claim, "look")
    with open_store(database_url) as store:
        assert store.events.get(kept.event_id) == kept
