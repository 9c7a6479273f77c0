"""Orders that were handed over in a session that stands, and that the broker has no word of."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker_connector_base import Attention, Claim, OpenOrder, OrderResult, OrderStatus, RunStatus
from broker_connector_base.testing import (
    ACKNOWLEDGEMENT_LOST,
    CANCEL_NEVER_CONFIRMED,
    FILLS,
    RESTS,
    SWALLOWED,
    FakeBroker,
    LoopClock,
)
from broker_connector_base.testing.virtual_time import START
from rebalance_workflow import MemoryJournal, RebalanceStopped
from rebalance_workflow.journal import Record
from rebalance_workflow.testing import ACCOUNT, World, make_world

KEY = f"rb:run1:{ACCOUNT}:AAA:B:1"
UNHEARD = replace(RESTS, arrival=ACKNOWLEDGEMENT_LOST.arrival)


class Blind(FakeBroker):
    """It does what it is told, and tells of no order that it is asked for."""

    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        await super().find_order(account_id, client_order_id)
        return None

    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        await super().get_open_orders(account_id)
        return []


class Deaf(Blind):
    """It does not hear cancellations, either."""

    async def cancel_order(self, order_id: str) -> None:
        pass


@pytest.fixture
def world() -> World:
    """10,000 in cash, all of it to be in one stock."""
    terms: dict[str, Any] = {"cash": 10_000, "quotes": {"AAA": ("99.90", "100")}}
    return make_world(**terms, weights={"AAA": "1"})


async def test_an_order_that_is_swallowed_is_in_doubt_and_not_sent_again(world: World) -> None:
    world.books.script("AAA", SWALLOWED)
    began = world.clock.now()
    result = await world.run()
    assert result.status is RunStatus.NEEDS_ATTENTION
    assert result.attention == Attention(
        claim=Claim.ORDERS_IN_DOUBT, symbols=("AAA",), orders=(KEY,)
    )
    assert "it may wait for a confirmation at the gateway's window" in str(result.error)
    assert world.sent() == []
    assert [intent.client_order_id for intent in world.journal.unfinished(ACCOUNT)] == [KEY]
    # Ten seconds for the acknowledgement; to wait longer tells nothing.
    assert (world.clock.now() - began).total_seconds() < 30


@pytest.mark.parametrize("seconds", [11, 14, 15.5, 17])
async def test_a_session_that_is_lost_later_ends_no_doubt(world: World, seconds: float) -> None:
    world.books.script("AAA", SWALLOWED)
    await world.broker.connect()
    asyncio.get_running_loop().call_later(seconds, world.books.drop)
    result = await world.run()
    assert result.status is RunStatus.NEEDS_ATTENTION
    assert len(world.journal.unfinished(ACCOUNT)) == 1


async def test_a_session_that_was_lost_before_it_could_answer_leaves_none(world: World) -> None:
    world.books.script("AAA", SWALLOWED, FILLS)
    await world.broker.connect()
    asyncio.get_running_loop().call_later(2, world.books.drop)
    assert (await world.run()).status is RunStatus.FAILED
    assert (await world.run()).status is RunStatus.DONE


@pytest.mark.parametrize(("heard", "is_doubted"), [(3, False), (7, True)])
async def test_a_session_that_is_lost_for_good_counts_by_when_it_was_last_heard(
    world: World, heard: float, is_doubted: bool
) -> None:
    async def lose() -> None:
        await asyncio.sleep(heard)
        await world.broker.get_accounts()
        world.books.reachable = False
        world.books.drop()

    world.books.script("AAA", SWALLOWED, FILLS)
    await world.broker.connect()
    losing = asyncio.ensure_future(lose())
    assert (await world.run()).status is RunStatus.NEEDS_ATTENTION
    await losing
    world.books.reachable = True
    world.new_session()
    if is_doubted:
        with pytest.raises(RebalanceStopped, match=r"AAA:B:1 \(UNKNOWN\)"):
            await world.run()
    else:
        assert (await world.run()).status is RunStatus.DONE


async def test_runs_keep_away_from_it_for_half_an_hour_and_then_close_it(world: World) -> None:
    world.books.script("AAA", SWALLOWED, FILLS)
    await world.run()
    for _ in range(2):
        world.new_session()
        with pytest.raises(RebalanceStopped, match=r"AAA:B:1 \(UNKNOWN\).* never received 30 min"):
            await world.run()
        assert world.sent() == []
        await asyncio.sleep(600)
    await asyncio.sleep(900)
    assert (await world.run()).status is RunStatus.DONE
    assert world.journal.unfinished(ACCOUNT) == []


async def test_a_clock_that_was_ahead_and_is_set_right_ends_no_doubt(world: World) -> None:
    world.books.script("AAA", SWALLOWED, FILLS)
    world.clock = LoopClock(START + timedelta(days=1))
    await world.run()
    world.clock = LoopClock(START)
    for _ in range(2):
        with pytest.raises(RebalanceStopped, match=r"AAA:B:1 \(UNKNOWN\)"):
            await world.run()
        await asyncio.sleep(800)
    await asyncio.sleep(300)
    assert (await world.run()).status is RunStatus.DONE


async def test_it_is_bought_once_when_it_is_confirmed_late(world: World) -> None:
    world.broker = Deaf(world.books)
    world.books.script("AAA", UNHEARD, FILLS)
    assert (await world.run()).status is RunStatus.NEEDS_ATTENTION
    with pytest.raises(RebalanceStopped):
        await world.run()
    world.books.fill(world.books.orders[0])
    world.new_session()
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO
    assert world.holdings.cash > 0


class Found(FakeBroker):
    """It lists no order, and tells of those that it is asked for."""

    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        await super().get_open_orders(account_id)
        return []


class OfADeadProcess(MemoryJournal):
    """From some moment on nothing is written any more."""

    is_dead = False

    def append(self, *records: Record) -> None:
        if not self.is_dead:
            super().append(*records)


@pytest.mark.parametrize("sees", [FakeBroker, Found])
async def test_what_a_run_saw_and_could_not_end_is_in_doubt_when_it_is_not_told_any_more(
    world: World, sees: type[FakeBroker]
) -> None:
    world.books.script("AAA", CANCEL_NEVER_CONFIRMED, FILLS)
    world.journal = journal = OfADeadProcess()
    await world.broker.connect()
    running = asyncio.ensure_future(world.run())
    await asyncio.sleep(3)
    journal.is_dead = running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    journal.is_dead = False
    for broker in (sees, Blind):
        world.new_session()
        world.broker = broker(world.books)
        with pytest.raises(RebalanceStopped, match="AAA"):
            await world.run()
    assert len(world.books.orders) == 1


async def test_an_order_that_works_unseen_is_cancelled(world: World) -> None:
    world.broker = Blind(world.books)
    world.books.script("AAA", UNHEARD)
    result = await world.run()
    assert [order.status for order in world.books.orders] == [OrderStatus.CANCELLED]
    assert result.status is RunStatus.FAILED
    assert world.journal.unfinished(ACCOUNT) == []


async def test_an_order_that_fills_unseen_meanwhile_counts(world: World) -> None:
    world.broker = Blind(world.books)
    world.books.script("AAA", UNHEARD)
    await world.broker.connect()
    asyncio.get_running_loop().call_later(11, lambda: world.books.fill(world.books.orders[0]))
    result = await world.run()
    assert result.status is RunStatus.DONE
    assert world.holdings.shares["AAA"] == world.traded()["AAA"] > Decimal(90)
