"""Leases, outcomes and what becomes of a worker that is gone, asleep or too late."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from app.events import AttemptOutcome, Claim, Command, EventState, LeaseLost
from app.store import LEASE, Store, open_store
from app.store.sweeping import Grace
from app.store.testing import AdjustableClock, arrival, claimed

_SECOND = timedelta(seconds=1)


def outcomes(store: Store, claim: Claim) -> list[AttemptOutcome | None]:
    return [attempt.outcome for attempt in store.events.attempts(claim.event.event_id)]


def test_a_finished_event_keeps_its_result(store: Store) -> None:
    store.events.enqueue(arrival())
    claim = claimed(store)
    event = store.events.finish(claim, {"status": "success", "orders": [{"quantity": 3}]})
    assert (event.state, event.result) == (
        EventState.DONE,
        {"status": "success", "orders": [{"quantity": 3}]},
    )
    assert event.finished_at is not None
    (attempt,) = store.events.attempts(event.event_id)
    assert (attempt.outcome, attempt.result) == (AttemptOutcome.DONE, event.result)


def test_a_failed_event_goes_to_the_back_and_waits_its_delay(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival("DU1"))
    store.events.enqueue(arrival("DU2"))
    failed = claimed(store)
    again = store.events.retry(failed, "gateway is down", 10 * _SECOND)
    assert (again.event_id, again.merged) == (failed.event.event_id, False)
    event = store.events.get(again.event_id)
    assert (event.times_queued, event.error) == (2, "gateway is down")
    assert event.not_before is not None
    assert abs(event.not_before - datetime.now(UTC) - 10 * _SECOND) < 5 * _SECOND
    store.events.enqueue(arrival("DU3"))
    clock.advance(11 * _SECOND)
    order = [claimed(store).event.account_id for _ in range(3)]
    assert order == ["DU2", "DU1", "DU3"]
    assert outcomes(store, failed) == [AttemptOutcome.RETRIED, None]


def test_an_event_that_fails_for_ever_does_not_keep_others_waiting(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival("BROKEN"))
    for round_number in range(1, 6):
        store.events.enqueue(arrival(f"DU{round_number}"))
        store.events.retry(claimed(store), "no", _SECOND)
        assert store.events.finish(claimed(store), {}).account_id == f"DU{round_number}"
        clock.advance(2 * _SECOND)
    broken = claimed(store).event
    assert (broken.account_id, broken.times_queued) == ("BROKEN", 6)


def test_a_failed_event_merges_into_the_twin_that_arrived_meanwhile(store: Store) -> None:
    store.events.enqueue(arrival(payload={"n": 1}))
    for count in (2, 3):
        store.events.retry(claimed(store), "no", timedelta(0))
        assert store.events.list()[0].times_queued == count
    running = claimed(store)
    twin = store.events.enqueue(arrival(payload={"n": 2}))
    merged = store.events.retry(running, "no again", 30 * _SECOND)
    assert (merged.event_id, merged.merged) == (twin.event_id, True)
    waiting = store.events.get(twin.event_id)
    assert (waiting.payload, waiting.times_queued, waiting.error) == ({"n": 2}, 4, "no again")
    assert waiting.not_before is not None
    assert waiting.not_before > datetime.now(UTC)
    old = store.events.get(running.event.event_id)
    assert (old.state, old.merged_into) == (EventState.MERGED, twin.event_id)
    assert store.events.follow(old.event_id) == waiting


def test_a_twin_that_waits_for_longer_still_does_after_a_merge(store: Store) -> None:
    store.events.enqueue(arrival())
    running = claimed(store)
    opening = datetime.now(UTC) + timedelta(hours=3)
    twin = store.events.enqueue(arrival(not_before=opening))
    store.events.retry(running, "no", _SECOND)
    assert store.events.get(twin.event_id).not_before == opening


def test_a_held_event_waits_in_its_place_and_has_not_failed(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival("DU1"))
    store.events.enqueue(arrival("DU2"))
    opening = datetime.now(UTC) + timedelta(hours=1)
    claim = claimed(store)
    store.events.hold(claim, opening, "the market is closed")
    event = store.events.get(claim.event.event_id)
    assert (event.times_queued, event.not_before) == (1, opening)
    assert (event.reason, event.error) == ("the market is closed", None)
    assert outcomes(store, claim) == [AttemptOutcome.HELD]
    assert store.events.statistics().events_with_retries == 0
    clock.advance(timedelta(hours=2))
    assert claimed(store).event.account_id == "DU1"


@pytest.mark.parametrize("twin", [False, True])
def test_how_long_its_market_is_closed_stays_known_of_an_event_that_goes_on(
    store: Store, clock: AdjustableClock, twin: bool
) -> None:
    store.events.enqueue(arrival())
    claim = claimed(store)
    if twin:
        store.events.enqueue(arrival())
    opening = datetime.now(UTC) + timedelta(hours=1)
    event_id = store.events.hold(claim, opening, "closed", is_closed=True).event_id
    assert (event_id != claim.event.event_id) is twin
    clock.advance(timedelta(hours=2))
    store.events.hold(claimed(store), opening + timedelta(hours=9), "paused")
    assert store.events.standing(event_id, None).closed_until == opening


def test_what_a_held_event_failed_of_before_is_told_no_more(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival())
    claim = claimed(store)
    store.events.retry(claim, "not armed", _SECOND)
    assert store.events.get(claim.event.event_id).error == "not armed"
    clock.advance(2 * _SECOND)
    store.events.hold(claimed(store), datetime.now(UTC) + timedelta(hours=1), "it is closed")
    event = store.events.get(claim.event.event_id)
    assert (event.reason, event.error) == ("it is closed", None)


def test_an_event_held_by_a_clock_that_is_behind_is_not_due_at_once(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival())
    store.events.hold(claimed(store), datetime.now(UTC) - _SECOND, "the market has just opened")
    assert store.events.claim("w") is None
    clock.advance(6 * _SECOND)
    assert claimed(store).event.account_id == "DU1"


def test_a_released_event_is_as_if_it_had_not_been_claimed(store: Store) -> None:
    store.events.enqueue(arrival("DU1"))
    store.events.enqueue(arrival("DU2"))
    claim = claimed(store)
    store.events.release(claim)
    event = store.events.get(claim.event.event_id)
    assert (event.times_queued, event.not_before, event.seq) == (1, None, claim.event.seq)
    assert claimed(store, "another").event.event_id == claim.event.event_id
    assert outcomes(store, claim) == [AttemptOutcome.RELEASED, None]


def test_a_released_event_gives_its_place_to_its_twin(store: Store) -> None:
    store.events.enqueue(arrival("DU1"))
    claim = claimed(store)
    store.events.enqueue(arrival("DU2"))
    twin = store.events.enqueue(arrival("DU1"))
    assert store.events.release(claim).event_id == twin.event_id
    assert claimed(store).event.event_id == twin.event_id


def test_an_outcome_that_was_recorded_is_accepted_again(store: Store) -> None:
    """Its worker lost the connection during the commit and cannot know."""
    later = datetime.now(UTC) + timedelta(hours=1)
    store.events.enqueue(arrival("DU1"))
    done = claimed(store)
    assert store.events.finish(done, {"n": 1}) == store.events.finish(done, {"n": 1})
    store.events.enqueue(arrival("DU2"))
    parked = claimed(store)
    assert store.events.park(parked, "look") == store.events.park(parked, "look")
    store.events.enqueue(arrival("DU3"))
    held = claimed(store)
    assert store.events.hold(held, later, "x") == store.events.hold(held, later, "x")
    store.events.enqueue(arrival("DU4"))
    failed = claimed(store)
    store.events.enqueue(arrival("DU4"))
    first = store.events.retry(failed, "no", 60 * _SECOND)
    assert first.merged
    assert store.events.retry(failed, "no", 60 * _SECOND) == first
    with pytest.raises(LeaseLost):
        store.events.finish(failed, {})


def test_a_claim_is_valid_for_one_lease_of_the_machines_clock(store: Store) -> None:
    store.events.enqueue(arrival())
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    claim = claimed(store)
    after = time.clock_gettime(time.CLOCK_BOOTTIME)
    lease = LEASE.total_seconds()
    assert before + lease <= claim.lease_until <= after + lease
    renewed = store.events.heartbeat(claim)
    assert claim.lease_until < renewed.lease_until
    assert (renewed.token, renewed.event) == (claim.token, claim.event)


def test_a_worker_that_beats_keeps_its_event(store: Store, clock: AdjustableClock) -> None:
    store.events.enqueue(arrival())
    claim = claimed(store)
    for _ in range(5):
        clock.advance(3 * _SECOND)
        claim = store.events.heartbeat(claim)
        assert store.events.sweep() == ()
    assert store.events.finish(claim, {}).times_queued == 1


def test_many_leases_are_renewed_at_once(store: Store, clock: AdjustableClock) -> None:
    for account in ("DU1", "DU2", "DU3"):
        store.events.enqueue(arrival(account))
    claims = [claimed(store) for _ in range(3)]
    store.events.finish(claims[1], {})
    held = store.events.heartbeat_all(claims)
    assert [claim.event.account_id for claim in held] == ["DU1", "DU3"]
    assert store.events.heartbeat_all([]) == ()


def test_the_event_of_a_vanished_worker_is_queued_again(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival("DU1"))
    store.events.enqueue(arrival("DU2"))
    gone = claimed(store, "gone")
    assert store.events.sweep() == ()
    clock.advance(LEASE + _SECOND)
    (lost,) = store.events.sweep()
    assert (lost.event_id, lost.worker) == (gone.event.event_id, "gone")
    assert store.events.sweep() == ()
    event = store.events.get(lost.event_id)
    assert (event.state, event.times_queued) == (EventState.QUEUED, 2)
    assert event.reason == "worker gone vanished: its lease expired"
    assert [claimed(store, "new").event.account_id for _ in range(2)] == ["DU2", "DU1"]
    assert outcomes(store, gone) == [AttemptOutcome.LEASE_EXPIRED, None]


def test_the_event_of_a_vanished_worker_merges_into_its_twin(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival())
    gone = claimed(store)
    twin = store.events.enqueue(arrival())
    clock.advance(LEASE + _SECOND)
    assert len(store.events.sweep()) == 1
    assert store.events.follow(gone.event.event_id).event_id == twin.event_id
    assert store.events.get(twin.event_id).times_queued == 2


def test_a_beat_after_the_lease_counts_if_nobody_swept(
    store: Store, clock: AdjustableClock
) -> None:
    """The laptop slept, and its service beats before it sweeps."""
    store.events.enqueue(arrival())
    claim = claimed(store)
    clock.advance(timedelta(hours=8))
    claim = store.events.heartbeat(claim)
    assert store.events.sweep() == ()
    assert store.events.finish(claim, {}).state is EventState.DONE


@pytest.mark.parametrize("jump", [timedelta(hours=2), timedelta(hours=-2)])
def test_setting_the_calendar_time_frees_no_lease(
    store: Store, clock: AdjustableClock, jump: timedelta
) -> None:
    store.events.enqueue(arrival())
    claim = claimed(store)
    clock.set_wall(jump)
    assert store.events.sweep() == ()
    assert store.events.finish(claim, {}).state is EventState.DONE


def test_a_jump_of_the_databases_clock_frees_no_lease_of_a_living_worker(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival())
    claim = claimed(store)
    assert store.events.sweep() == ()
    clock.set_database(timedelta(minutes=1))
    assert store.events.sweep() == ()
    claim = store.events.heartbeat(claim)
    clock.advance(1.5 * LEASE - _SECOND)
    store.events.heartbeat(claim)
    clock.advance(2 * _SECOND)
    assert store.events.sweep() == ()
    clock.advance(LEASE)
    assert len(store.events.sweep()) == 1


def test_nothing_is_swept_while_the_database_has_just_been_started(
    store: Store, clock: AdjustableClock
) -> None:
    """Every lease expired during the outage; the living need a moment to renew theirs."""
    store.events.enqueue(arrival())
    claimed(store)
    clock.advance(timedelta(minutes=1))
    clock.restart_database()
    assert store.events.sweep() == ()
    clock.advance(1.5 * LEASE - _SECOND)
    assert store.events.sweep() == ()
    clock.advance(2 * _SECOND)
    assert len(store.events.sweep()) == 1


def test_a_lease_of_an_earlier_boot_is_over(database_url: str) -> None:
    earlier, now = AdjustableClock(database_url), AdjustableClock(database_url)
    earlier.lease_clock = "monotonic of another boot"
    with open_store(database_url, clock=earlier) as store:
        store.events.enqueue(arrival())
        claimed(store)
    with open_store(database_url, clock=now) as store:
        assert len(store.events.sweep()) == 1


def test_two_sweepers_put_an_event_back_once(
    store: Store, database_url: str, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival())
    claimed(store)
    clock.advance(LEASE + _SECOND)
    with open_store(database_url, clock=clock) as other:
        swept = (*store.events.sweep(), *other.events.sweep())
    assert len(swept) == 1
    assert store.events.get(swept[0].event_id).times_queued == 2


def test_other_commands_of_the_account_start_when_its_worker_has_vanished(
    store: Store, clock: AdjustableClock
) -> None:
    store.events.enqueue(arrival(command=Command.REBALANCE))
    claimed(store)
    store.events.enqueue(arrival(command=Command.PRINT_EQUITY))
    clock.advance(LEASE + _SECOND)
    store.events.sweep()
    assert claimed(store).event.command is Command.PRINT_EQUITY


class TestGrace:
    """Times by our own clock and by the database's, in seconds; the grace is 6 seconds."""

    def test_leases_are_trusted_from_the_start(self) -> None:
        assert Grace(6).is_over(own=100, database=5000)

    def test_two_clocks_that_go_alike_are_trusted(self) -> None:
        grace = Grace(6)
        assert all(grace.is_over(own=100 + n, database=5000 + 1.01 * n) for n in range(20))

    def test_a_jump_in_either_direction_is_waited_out(self) -> None:
        for jump in (-60, 60):
            grace = Grace(6)
            grace.is_over(own=100, database=5000)
            answers = [grace.is_over(own=t, database=4900 + jump + t) for t in (101, 106.9, 107)]
            assert answers == [False, False, True]

    def test_an_outage_is_waited_out(self) -> None:
        grace = Grace(6)
        grace.outage(100)
        assert not grace.is_over(own=105.9, database=5000)
        assert grace.is_over(own=106, database=5000.1)
