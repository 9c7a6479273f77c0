"""Arrivals wait, merge and are claimed in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.events import (
    Command,
    EventSource,
    EventState,
    EventSummary,
    LeaseLost,
    NewEvent,
    StandsForOthers,
    UnknownEvent,
    WrongState,
)
from app.store import Store
from app.store.testing import AdjustableClock, arrival, claimed

_MINUTE = timedelta(minutes=1)


def test_what_was_said_is_kept(store: Store) -> None:
    before = datetime.now(UTC)
    new = NewEvent(
        account_id="DU1",
        command=Command.PRINT_EQUITY,
        source=EventSource.ABLY,
        source_ref="message 7",
        payload={"exec": "print-equity", "nested": [1, {"deep": None}], "text": "ü"},
    )
    event = store.events.get(store.events.enqueue(new).event_id)
    assert (event.account_id, event.command, event.source) == ("DU1", "print-equity", "ably")
    assert (event.payload, event.source_ref) == (new.payload, "message 7")
    assert (event.state, event.times_queued, event.not_before) == (EventState.QUEUED, 1, None)
    assert abs(event.created_at - before) < _MINUTE
    assert event.created_at.tzinfo is UTC


def test_first_come_first_served(store: Store) -> None:
    for account in ("DU3", "DU1", "DU2"):
        store.events.enqueue(arrival(account))
    claimed = [store.events.claim("worker") for _ in range(4)]
    assert [claim and claim.event.account_id for claim in claimed] == ["DU3", "DU1", "DU2", None]


def test_a_claim_says_who_runs_it(store: Store) -> None:
    event_id = store.events.enqueue(arrival()).event_id
    claim = claimed(store, "worker 1")
    event = store.events.get(event_id)
    assert claim.event == event
    assert (event.state, event.worker) == (EventState.RUNNING, "worker 1")
    (attempt,) = store.events.attempts(event_id)
    assert (attempt.number, attempt.worker, attempt.outcome) == (1, "worker 1", None)
    assert attempt.started_at == event.started_at


def test_an_arrival_merges_into_the_waiting_event_of_its_command(store: Store) -> None:
    first = store.events.enqueue(arrival(payload={"n": 1}, source_ref="earlier"))
    second = store.events.enqueue(arrival(payload={"n": 2}, source_ref="later"))
    assert (second.event_id, second.merged) == (first.event_id, True)
    waiting = store.events.get(first.event_id)
    assert (waiting.payload, waiting.source_ref) == ({"n": 2}, "later")
    (trace,) = store.events.list(states=[EventState.MERGED])
    assert trace.merged_into == first.event_id
    assert (trace.payload, trace.source_ref) == ({"n": 1}, "earlier")
    assert store.events.follow(trace.event_id) == waiting


def test_different_commands_of_an_account_both_wait(store: Store) -> None:
    preview = store.events.enqueue(arrival(command=Command.PRINT_REBALANCE))
    rebalance = store.events.enqueue(arrival(command=Command.REBALANCE))
    assert (preview.merged, rebalance.merged) == (False, False)
    assert store.events.statistics().queue_length == 2


def test_an_account_runs_one_event_at_a_time(store: Store) -> None:
    store.events.enqueue(arrival(command=Command.PRINT_EQUITY))
    store.events.enqueue(arrival(command=Command.PRINT_ORDERS))
    store.events.enqueue(arrival("DU2"))
    first, second = claimed(store, "a"), claimed(store, "b")
    assert (first.event.account_id, second.event.account_id) == ("DU1", "DU2")
    assert store.events.claim("c") is None
    store.events.finish(first, {})
    third = claimed(store, "c")
    assert third.event.command is Command.PRINT_ORDERS


def test_arrivals_during_a_run_lead_to_exactly_one_follow_up(store: Store) -> None:
    store.events.enqueue(arrival())
    running = claimed(store)
    arrivals = [store.events.enqueue(arrival()) for _ in range(5)]
    assert [one.merged for one in arrivals] == [False, True, True, True, True]
    assert store.events.claim("worker") is None
    store.events.finish(running, {"status": "success"})
    follow_up = claimed(store)
    assert follow_up.event.event_id == arrivals[0].event_id
    store.events.finish(follow_up, {})
    assert store.events.claim("worker") is None


def test_an_event_waits_for_its_time_and_holds_up_nobody(
    store: Store, clock: AdjustableClock
) -> None:
    opening = datetime.now(UTC) + 10 * _MINUTE
    store.events.enqueue(arrival("DU1", not_before=opening))
    store.events.enqueue(arrival("DU1", Command.PRINT_EQUITY))
    early = claimed(store)
    assert early.event.command is Command.PRINT_EQUITY
    store.events.finish(early, {})
    assert store.events.claim("worker") is None
    clock.advance(11 * _MINUTE)
    due = claimed(store)
    assert due.event.command is Command.REBALANCE


def test_who_asks_now_does_not_wait_for_a_later_time(store: Store) -> None:
    later = datetime.now(UTC) + _MINUTE
    waiting = store.events.enqueue(arrival(not_before=later + _MINUTE))
    store.events.enqueue(arrival(not_before=later))
    assert store.events.get(waiting.event_id).not_before == later
    store.events.enqueue(arrival())
    assert store.events.claim("worker") is not None


def test_a_worker_may_ask_for_one_event(store: Store) -> None:
    store.events.enqueue(arrival("DU1"))
    mine = store.events.enqueue(arrival("DU2"))
    claim = store.events.claim("cli", event_id=mine.event_id)
    assert claim is not None
    assert claim.event.event_id == mine.event_id
    assert store.events.claim("cli", event_id=mine.event_id) is None


def test_rebalances_of_a_paused_account_wait(store: Store) -> None:
    store.events.enqueue(arrival("DU1"))
    store.events.enqueue(arrival("DU1", Command.PRINT_EQUITY))
    store.controls.pause("DU1", by="operator")
    looking = claimed(store)
    assert looking.event.command is Command.PRINT_EQUITY
    store.events.finish(looking, {})
    assert store.events.claim("worker") is None
    store.controls.resume("DU1")
    assert store.events.claim("worker") is not None


def test_a_pause_of_everything_holds_every_rebalance(store: Store) -> None:
    store.events.enqueue(arrival("DU1"))
    store.controls.pause(None, by="operator")
    assert store.events.claim("worker") is None


def test_people_cancel_dismiss_and_retry(store: Store) -> None:
    waiting = store.events.enqueue(arrival()).event_id
    cancelled = store.events.cancel(waiting, "not today")
    assert (cancelled.state, cancelled.reason) == (EventState.CANCELLED, "not today")
    parked = []
    for account in ("DU1", "DU2"):
        store.events.enqueue(arrival(account))
        claim = claimed(store)
        parked.append(store.events.park(claim, "look at it", {"orders": []}))
    assert [event.state for event in parked] == [EventState.NEEDS_ATTENTION] * 2
    assert (parked[0].error, parked[0].result) == ("look at it", {"orders": []})
    assert store.events.dismiss(parked[0].event_id).state is EventState.CANCELLED
    again = store.events.requeue(parked[1].event_id)
    assert again.event_id == parked[1].event_id
    event = store.events.get(again.event_id)
    assert (event.state, event.times_queued, event.finished_at) == (EventState.QUEUED, 2, None)


def test_a_parked_event_that_is_retried_merges_into_a_waiting_twin(store: Store) -> None:
    parked = store.events.enqueue(arrival())
    claim = claimed(store)
    store.events.park(claim, "look at it")
    twin = store.events.enqueue(arrival())
    again = store.events.requeue(parked.event_id)
    assert (again.event_id, again.merged) == (twin.event_id, True)
    assert store.events.get(parked.event_id).state is EventState.MERGED


@pytest.mark.parametrize("move", ["cancel", "dismiss", "requeue"])
def test_people_are_told_when_their_move_does_not_fit(store: Store, move: str) -> None:
    with pytest.raises(UnknownEvent, match="no event nowhere"):
        getattr(store.events, move)("nowhere")
    event_id = store.events.enqueue(arrival()).event_id
    store.events.claim("worker")
    with pytest.raises(WrongState, match="is running") as caught:
        getattr(store.events, move)(event_id)
    assert caught.value.event.event_id == event_id


def test_nobody_cancels_what_others_asked_for_without_knowing_of_them(store: Store) -> None:
    event_id = store.events.enqueue(arrival(source_ref="mine")).event_id
    store.events.enqueue(arrival(source_ref="a signal"))
    assert store.events.merged_count(event_id) == 1
    for seen in (0, 2):
        with pytest.raises(StandsForOthers, match=r"1 more .* cli a signal; nothing") as caught:
            store.events.cancel(event_id, merged=seen)
        assert caught.value.merged == 1
    assert store.events.get(event_id).state is EventState.QUEUED
    assert store.events.cancel(event_id, merged=1).state is EventState.CANCELLED


def test_an_event_stands_for_one_that_is_tried_again(store: Store) -> None:
    store.events.enqueue(arrival())
    claim = claimed(store)
    waiting = store.events.enqueue(arrival()).event_id
    store.events.retry(claim, "no gateway", timedelta(0))
    with pytest.raises(StandsForOthers):
        store.events.cancel(waiting)
    assert store.events.get(waiting).state is EventState.QUEUED


def test_an_event_stands_for_all_that_another_stood_for(store: Store) -> None:
    first = store.events.enqueue(arrival(source_ref="a")).event_id
    store.events.enqueue(arrival(source_ref="b"))
    claim = claimed(store)
    waiting = store.events.enqueue(arrival(source_ref="c")).event_id
    store.events.retry(claim, "no gateway", timedelta(0))
    assert (store.events.merged_count(waiting), store.events.merged_count(first)) == (2, 1)
    with pytest.raises(StandsForOthers):
        store.events.cancel(waiting, merged=1)
    assert store.events.cancel(waiting, merged=2).state is EventState.CANCELLED


def test_who_cancels_while_another_joins_never_cancels_both(store: Store) -> None:
    for number in range(10):
        account_id = f"DU{number}"
        event_id = store.events.enqueue(arrival(account_id)).event_id
        with ThreadPoolExecutor(2) as threads:
            cancelling = threads.submit(store.events.cancel, event_id)
            joining = threads.submit(store.events.enqueue, arrival(account_id))
        went = joining.result()
        assert store.events.get(went.event_id).state is EventState.QUEUED
        assert isinstance(cancelling.exception(), StandsForOthers) is went.merged


def test_the_newest_events_are_listed_first(store: Store) -> None:
    ids = [store.events.enqueue(arrival(f"DU{n}")).event_id for n in range(5)]
    store.events.claim("worker")
    listed = store.events.list(limit=3)
    assert [event.event_id for event in listed] == [ids[4], ids[3], ids[2]]
    (mine,) = store.events.list(account_id="DU2")
    assert mine.event_id == ids[2]
    (running,) = store.events.list(states=[EventState.RUNNING])
    assert running.event_id == ids[0]
    assert [event.event_id for event in store.events.summaries(limit=3)] == ids[:1:-1]
    (summary,) = store.events.summaries(states=[EventState.RUNNING], account_id="DU0")
    assert type(summary) is EventSummary
    assert all(getattr(summary, n) == getattr(running, n) for n in summary.__dataclass_fields__)


def test_the_queue_counts_what_its_status_shows(store: Store, clock: AdjustableClock) -> None:
    empty = store.events.statistics()
    assert (empty.queue_length, empty.oldest_event_age_seconds) == (0, 0)
    for account in ("DU1", "DU2", "DU3"):
        store.events.enqueue(arrival(account))
    claimed(store)
    store.events.retry(claimed(store), "broker is down", timedelta(0))
    clock.advance(2 * _MINUTE)
    counts = store.events.statistics()
    assert (counts.queue_length, counts.active_events_count) == (2, 1)
    assert counts.events_with_retries == 1
    assert 120 <= counts.oldest_event_age_seconds < 130
    assert counts.by_state[EventState.RUNNING] == 1
    assert counts.by_state[EventState.DONE] == 0
    assert set(counts.by_state) == set(EventState)


def test_a_lost_claim_says_so_and_records_nothing(store: Store, clock: AdjustableClock) -> None:
    event_id = store.events.enqueue(arrival()).event_id
    old = claimed(store, "sleeper")
    clock.advance(timedelta(seconds=5))
    (lost,) = store.events.sweep()
    assert (lost.event_id, lost.worker) == (event_id, "sleeper")
    before = store.events.get(event_id)
    later = datetime.now(UTC) + _MINUTE
    for move in (
        lambda: store.events.heartbeat(old),
        lambda: store.events.finish(old, {}),
        lambda: store.events.retry(old, "no", timedelta(0)),
        lambda: store.events.park(old, "no"),
        lambda: store.events.hold(old, later, "closed"),
        lambda: store.events.release(old),
    ):
        with pytest.raises(LeaseLost, match="nothing was recorded"):
            move()
    assert store.events.get(event_id) == before
    assert store.events.heartbeat_all([old]) == ()
