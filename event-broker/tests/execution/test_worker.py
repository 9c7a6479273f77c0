"""Events worked by real account processes, on a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app import file_lock
from app.account_process.lease import Lease
from app.commands.outcome import CommandFailed
from app.commands.through_store import document_of
from app.events import AttemptOutcome, Command, EventState, LeaseLost
from app.execution import Answer
from app.gates import Gate
from app.notifications import Kind
from app.store.testing import AdjustableClock
from app.testing import MARKET_OPENS, find_the_market_closed
from rebalance_workflow import AccountLock

if TYPE_CHECKING:
    from .conftest import Site


@pytest.fixture
def either_site(open_site: Callable[[str], Site], database_url: str) -> Site:
    """An installation on each engine."""
    return open_site(database_url)


async def test_a_rebalance_is_done_once_and_recorded_with_its_orders(either_site: Site) -> None:
    site = either_site
    event_id = site.enqueue("P1", Command.REBALANCE)
    async with site.working():
        event = await site.end_of(event_id)
        assert event.state is EventState.DONE, event.error
        again = await site.end_of(site.enqueue("P1", Command.REBALANCE))
    assert event.result is not None
    assert event.result["status"] == "success"
    assert event.result["execution_mode"] == "live"
    orders = event.result["orders"]
    assert {order["symbol"] for order in orders} == {"IVV", "VEA", "VWO", "AGG", "IWM"}  # type: ignore[attr-defined]
    assert again.result is not None
    assert again.result["orders"] == []
    first, second = reversed(site.store.runs.list())
    assert (first.event_id, first.status, first.orders_sent) == (event_id, "done", True)
    assert {order.symbol for order in first.orders} == {fill.symbol for fill in first.fills}
    assert all(order.side == "BUY" and order.quantity > 0 for order in first.orders)
    assert (second.status, second.orders_sent) == ("nothing to do", False)
    assert [notification.kind.value for notification in site.told] == [
        "rebalanced",
        "nothing_to_do",
    ]


async def execute_closed(site: Site, *, once: bool) -> Answer:
    """A rebalance of P1 whose account process finds the market closed."""
    site.enqueue("P1", Command.REBALANCE)
    claim = site.store.events.claim("w")
    assert claim is not None
    executor = site.executor(find_the_market_closed)
    return await executor.execute(
        claim, lease=Lease(1e12), stop=asyncio.Event(), on_progress=lambda _: None, once=once
    )


async def test_a_market_that_the_broker_says_is_closed_is_waited_for_uncounted(
    either_site: Site,
) -> None:
    site = either_site
    answer = await execute_closed(site, once=False)
    (event,) = site.store.events.list()
    assert event.state is EventState.QUEUED
    # gates.delay_after_open_seconds
    assert event.not_before == MARKET_OPENS + timedelta(seconds=300)
    assert (event.times_queued, event.reason) == (1, "closed")
    (attempt,) = site.store.events.attempts(event.event_id)
    assert attempt.outcome is AttemptOutcome.HELD
    (told,) = site.told
    assert told.kind is Kind.POSTPONED
    assert "Next: 2099-11-27 10:35" in told.body
    assert answer.decision is not None
    assert answer.decision.gate is Gate.HOURS


async def test_a_market_that_the_broker_said_was_closed_makes_no_event_too_old(
    open_site: Callable[..., Site], database_url: str
) -> None:
    clock = AdjustableClock(database_url)
    site = open_site(database_url, clock)
    await execute_closed(site, once=False)
    (event,) = site.store.events.list()
    assert event.not_before is not None
    # Decades, because of when that market opens.
    site.later = event.not_before - site.now() + timedelta(seconds=1)
    clock.advance(site.later)
    async with site.working():
        done = await site.end_of(event.event_id)
    assert done.result is not None
    assert done.result["status"] == "success", done.result


async def test_whoever_waits_for_a_rebalance_is_told_that_the_market_is_closed(site: Site) -> None:
    answer = await execute_closed(site, once=True)
    with pytest.raises(CommandFailed, match=r"^closed$"):
        document_of(answer)
    (event,) = site.store.events.list()
    assert event.state is EventState.CANCELLED


async def test_whoever_waits_for_what_others_want_too_is_told_that_it_waits(site: Site) -> None:
    answer = await execute_closed(site, once=False)
    with pytest.raises(CommandFailed) as told:
        document_of(answer)
    assert str(told.value) == (
        "closed. Its event, which others asked for, too, waits in the queue."
    )
    assert told.value.kind == "HOURS"


async def test_a_run_is_recorded_although_its_event_is_somebody_elses_by_then(site: Site) -> None:
    event_id = site.enqueue("P1", Command.REBALANCE)
    claim = site.store.events.claim("slow")
    assert claim is not None
    taken_away: list[str] = []

    def take_away(_: bytes) -> None:
        if not taken_away:
            taken_away.append(site.store.events.release(claim).event_id)

    with pytest.raises(LeaseLost):
        await site.executor().execute(
            claim,
            lease=Lease(claim.lease_until + 60),
            stop=asyncio.Event(),
            on_progress=take_away,
        )
    assert taken_away == [event_id]
    (run,) = site.store.runs.list()
    assert (run.event_id, run.status, run.orders_sent) == (event_id, "done", True)
    assert site.store.events.get(event_id).state is EventState.QUEUED


async def test_views_and_previews_change_nothing_and_tell_the_account(site: Site) -> None:
    wanted = (Command.PRINT_REBALANCE, Command.PRINT_EQUITY, Command.PRINT_ORDERS)
    ids = {command: site.enqueue("P1", command) for command in wanted}
    async with site.working():
        ended = {command: await site.end_of(ids[command]) for command in wanted}
    assert {event.state for event in ended.values()} == {EventState.DONE}
    equity = ended[Command.PRINT_EQUITY].result
    assert equity is not None
    # What a paper account is opened with, and its reserve of 1 %.
    assert equity["equity_info"] == {
        "total_equity": 100000.00,
        "reserve_percentage": 1.0,
        "reserve_amount": 1000.00,
        "available_for_trading": 99000.00,
    }
    preview = site.store.previews.latest("P1")
    assert preview is not None
    assert preview.event_id == ids[Command.PRINT_REBALANCE]
    assert preview.result["orders"]
    assert site.store.runs.list() == ()


async def test_what_passes_is_tried_again_and_holds_up_nobody(site: Site) -> None:
    with AccountLock(site.settings.lock_directory, "P1") as busy:
        event_id = site.enqueue("P1", Command.REBALANCE)
        async with site.working():
            waiting = await site.until(event_id, lambda event: event.times_queued > 1)
            other = (await site.end_of(site.enqueue("P2", Command.REBALANCE))).state
            busy.release()
            event = await site.end_of(event_id)
    assert waiting.error is not None
    assert "account P1 is in use" in waiting.error
    assert other is EventState.DONE
    assert event.state is EventState.DONE
    outcomes = [attempt.outcome for attempt in site.store.events.attempts(event_id)]
    assert outcomes[-1] is AttemptOutcome.DONE
    assert set(outcomes[:-1]) == {AttemptOutcome.RETRIED}


async def test_a_process_that_stands_still_with_the_client_ids_delays_new_accounts_alone(
    site: Site,
) -> None:
    lock = site.settings.client_ids_file.with_suffix(".lock")
    async with site.working():
        assert (await site.end_of(site.enqueue("P2", Command.REBALANCE))).state is EventState.DONE
        with file_lock.held(lock, 0):
            event_id = site.enqueue("P1", Command.REBALANCE)
            waiting = await site.until(event_id, lambda event: event.times_queued > 1)
            known = await site.end_of(site.enqueue("P2", Command.REBALANCE))
        event = await site.end_of(event_id)
    assert waiting.error is not None
    assert f"another process has held {lock} for 0.2 s" in waiting.error
    assert waiting.error.endswith("Nothing was sent.")
    assert known.state is event.state is EventState.DONE


async def test_what_nobody_but_a_person_can_mend_is_parked_with_its_reason(site: Site) -> None:
    ids = [site.enqueue("P9", Command.REBALANCE)]
    (site.settings.home / "demo" / "allocations" / "global-core-60-40.json").write_text(
        '{"status": "success", "data": {"allocations": []}}'
    )
    ids.append(site.enqueue("P1", Command.REBALANCE))
    async with site.working():
        unknown, empty = [await site.end_of(event_id) for event_id in ids]
    assert unknown.state is empty.state is EventState.NEEDS_ATTENTION
    assert unknown.error == (
        "account P9 is not configured; accounts.yaml has P1, P2. Nothing was sent."
    )
    assert empty.error is not None
    assert "Nothing was sent" in empty.error
    assert {notification.kind.value for notification in site.told} == {"needs_attention"}


async def test_a_rebalance_too_old_to_mean_anything_is_refused_and_told(site: Site) -> None:
    event_id = site.enqueue("P1", Command.REBALANCE)
    site.later = timedelta(days=4)
    async with site.working():
        event = await site.end_of(event_id)
    assert event.state is EventState.DONE
    assert event.result is not None
    assert event.result["status"] == "refused"
    assert "too long ago" in str(event.result["message"])
    assert [notification.kind.value for notification in site.told] == ["stale"]
    assert site.store.runs.list() == ()


async def test_what_is_done_at_rest_holds_up_neither_events_nor_the_end(site: Site) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def stand_still() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(60), site.working(at_rest=stand_still):
        await began.wait()
        event = await site.end_of(site.enqueue("P1", Command.PRINT_EQUITY))
    assert event.state is EventState.DONE
    assert ended.is_set()


async def test_a_fault_at_rest_ends_the_worker(site: Site) -> None:
    began = asyncio.Event()

    async def fail() -> None:
        began.set()
        raise RuntimeError("a fault in the program")

    with pytest.raises(RuntimeError, match="a fault in the program"):
        async with site.working(at_rest=fail):
            await began.wait()


async def test_a_worker_that_ends_lets_running_events_finish(site: Site) -> None:
    ids = [site.enqueue(account, Command.REBALANCE) for account in ("P1", "P2")]
    async with site.working(grace_seconds=30):
        for event_id in ids:
            await site.begun[event_id].wait()
    assert {site.store.events.get(event_id).state for event_id in ids} == {EventState.DONE}


async def test_without_grace_an_interrupted_event_goes_back_to_its_place(site: Site) -> None:
    site.lock_timeout_seconds = 60
    with AccountLock(site.settings.lock_directory, "P1"):
        event_id = site.enqueue("P1", Command.REBALANCE)
        before = site.store.events.get(event_id)
        async with site.working(grace_seconds=0):
            await site.begun[event_id].wait()
    after = site.store.events.get(event_id)
    assert (after.state, after.seq, after.times_queued) == (EventState.QUEUED, before.seq, 1)
    assert [attempt.outcome for attempt in site.store.events.attempts(event_id)] == [
        AttemptOutcome.RELEASED
    ]


async def test_progress_is_told_from_the_beginning_to_whoever_watches(site: Site) -> None:
    event_id = site.enqueue("P1", Command.REBALANCE)
    async with site.working():
        await site.begun[event_id].wait()
        async with asyncio.timeout(30):
            told = [body async for body in site.progress.watch(event_id)]
    assert any(b'"stage":"buying"' in body for body in told)
    assert [body async for body in site.progress.watch(event_id)] == []
