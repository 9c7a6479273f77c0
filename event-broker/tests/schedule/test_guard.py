"""An account with the once-a-session guard, from its second rebalance to the next open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.events import Claim, Command, Event, EventSource, NewEvent
from app.execution import Gatekeeper
from app.execution.commands import COMMANDS
from app.execution.gatekeeper import Permission
from app.execution.settlement import Case, Settlement
from app.gates import Allow, Gate, Refuse
from app.market import MarketCalendar
from app.notifications import Kind, PlainPost
from app.schedule import GUARD
from app.settings import select_account
from app.store.records import RunRecord

Build = Callable[..., Any]

GUARDED = """\
accounts:
  - account_id: DU100
    type: paper
    strategy_name: alpha
    pdt_protection_enabled: true
"""


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


async def ask(world: Any, event: Event) -> Permission:
    calendar = MarketCalendar(
        world.home / "market", compute=lambda *_: world.sessions.model_dump_json().encode()
    )
    gatekeeper = Gatekeeper(world.store, calendar, lambda: world.now)
    return await gatekeeper.ask(event, select_account(world.settings, "DU100"), world.settings)


def rebalance(world: Any) -> Event:
    new = NewEvent(account_id="DU100", command=Command.REBALANCE, source=EventSource.ABLY)
    event: Event = world.store.events.get(world.store.events.enqueue(new).event_id)
    return event


def ran(world: Any, run_id: str, permission: Permission, status: str, *, sent: bool = True) -> None:
    world.store.runs.record(
        RunRecord(
            run_id=run_id,
            account_id="DU100",
            command=Command.REBALANCE,
            trading_mode="paper",
            session_date=permission.session_date,
            status=status,
            orders_sent=sent,
            started_at=world.now,
        )
    )


async def refuse(world: Any, claim: Claim) -> None:
    """What the executor does when the guard refuses an event that it has claimed."""
    refusal = (await ask(world, claim.event)).decision
    assert isinstance(refusal, Refuse)
    case = Case(
        claim=claim,
        account=select_account(world.settings, "DU100"),
        command=COMMANDS[Command.REBALANCE],
        settings=world.settings,
    )
    await Settlement(world.store, PlainPost(world.told.append), lambda: world.now).refused(
        case, refusal
    )


async def test_the_second_rebalance_of_a_session_comes_again_at_the_next_open(
    build: Build,
) -> None:
    world = build(at(25, 15), accounts=GUARDED)
    first = await ask(world, rebalance(world))
    assert first.decision == Allow()
    # Interrupted, with orders sent: it has used up the session.
    ran(world, "first", first, "interrupted")
    world.work_off()

    world.at(at(25, 20))
    second = await ask(world, rebalance(world))
    assert isinstance(second.decision, Refuse)
    assert second.decision.gate is Gate.ONCE_A_SESSION
    assert second.decision.reason.startswith("PDT protection: account DU100 was already")
    world.store.market_open.add("DU100", GUARD, second.decision.reason)
    world.work_off()

    # Thanksgiving passes; Friday opens at 14:30 UTC.
    world.pass_time(at(27, 14, 30))
    assert world.queued() == []
    world.at(at(27, 14, 35))
    (event,) = world.queued()
    assert (event.source, event.command) == (EventSource.GUARD, Command.REBALANCE)
    third = await ask(world, event)
    assert third.decision == Allow()
    ran(world, "third", third, "done")
    world.work_off()
    world.at(at(27, 14, 40))
    assert world.store.market_open.list() == ()


async def test_a_signal_that_comes_while_the_market_open_list_s_run_works_comes_again(
    build: Build,
) -> None:
    world = build(at(23, 22), accounts=GUARDED)
    world.store.market_open.add("DU100", "anna")
    world.at(at(24, 14, 35))
    first = world.store.events.claim("test")
    permission = await ask(world, first.event)
    rebalance(world)
    world.at(at(24, 14, 36))
    ran(world, "first", permission, "done")
    world.store.events.finish(first, {"status": "success"})
    # Claimed at once, before the scheduler looks again.
    await refuse(world, world.store.events.claim("test"))
    world.told.clear()
    world.pass_time(at(24, 21))
    assert world.queued() == []
    world.pass_time(at(25, 14, 35))
    (event,) = world.queued()
    assert (event.source, event.command) == (EventSource.GUARD, Command.REBALANCE)


async def test_a_run_that_sent_nothing_does_not_use_up_the_session(build: Build) -> None:
    world = build(at(25, 15), accounts=GUARDED)
    first = await ask(world, rebalance(world))
    ran(world, "first", first, "nothing to do", sent=False)
    world.work_off()
    assert (await ask(world, rebalance(world))).decision == Allow()


async def test_a_preview_is_never_limited(build: Build) -> None:
    world = build(at(25, 15), accounts=GUARDED)
    ran(world, "first", await ask(world, rebalance(world)), "done")
    preview = NewEvent(account_id="DU100", command=Command.PRINT_REBALANCE, source=EventSource.API)
    event = world.store.events.get(world.store.events.enqueue(preview).event_id)
    assert (await ask(world, event)).decision == Allow()


@pytest.mark.parametrize(
    ("status", "withdrawn"),
    [("running", True), ("interrupted", True), ("done", False), ("needs attention", False)],
)
async def test_orders_of_a_run_that_was_cut_off_do_not_work_until_the_next_open(
    build: Build, status: str, withdrawn: bool
) -> None:
    world = build(at(25, 15), accounts=GUARDED)
    ran(world, "first", await ask(world, rebalance(world)), status)
    claim = world.store.events.claim("test")
    await refuse(world, claim)
    assert [entry.added_by for entry in world.store.market_open.list()] == [GUARD]
    assert [told.kind for told in world.told] == [Kind.POSTPONED]
    expected = [("DU100", Command.CANCEL_ORDERS, EventSource.GUARD)] if withdrawn else []
    assert [(e.account_id, e.command, e.source) for e in world.queued()] == expected
