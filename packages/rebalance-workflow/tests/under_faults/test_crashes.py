"""Invariant 11: crashes at any point."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base import Claim, OrderStatus, RunStatus
from broker_connector_base.testing import (
    CANCEL_NEVER_CONFIRMED,
    FILL_BEATS_CANCEL,
    FILLS,
    REJECTED,
    RESTS,
    Fault,
)
from rebalance_calculator import PlanError
from rebalance_workflow import AllocationSourceError, RebalanceStopped, SourceFault
from rebalance_workflow.journal import MemoryJournal, Record
from rebalance_workflow.testing import ACCOUNT, World, make_world

from .conftest import SWITCH, assert_traded_once


class Crash(BaseException):
    """The process dies here."""


class CrashingJournal(MemoryJournal):
    """Dies in the n-th append, before or after the records are durable."""

    def __init__(self, at: int, *, written: bool) -> None:
        super().__init__()
        self.appends_left = at
        self.written = written

    def append(self, *records: Record) -> None:
        self.appends_left -= 1
        if self.appends_left == 0 and not self.written:
            raise Crash
        super().append(*records)
        if self.appends_left == 0:
            raise Crash


async def survives(world: World) -> bool:
    """Run; False when the run crashed."""
    try:
        await world.run()
    except Crash:
        return False
    return True


async def assert_converges(world: World) -> None:
    """After a crash the next run finishes the job, and the one after that finds nothing to do."""
    world.new_session()
    result = await world.run()
    assert result.status in (RunStatus.DONE, RunStatus.NOTHING_TO_DO), result.error
    assert_traded_once(world)
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO
    assert world.journal.unfinished(ACCOUNT) == []


class TestInvariant11:
    """After a crash at any point the next run converges and no share is traded twice."""

    @pytest.mark.parametrize("after_sending", [False, True])
    async def test_a_crash_at_any_call_of_the_broker(self, after_sending: bool) -> None:
        for call in range(1, 100):
            world = make_world(**SWITCH)
            await world.broker.connect()
            world.books.faults.append(Fault(call=call, after_sending=after_sending, error=Crash()))
            if await survives(world):
                break
            await assert_converges(world)
        assert call > 10

    @pytest.mark.parametrize("written", [False, True])
    async def test_a_crash_at_any_write_of_the_journal(self, written: bool) -> None:
        for append in range(1, 100):
            world = make_world(**SWITCH, journal=CrashingJournal(append, written=written))
            if await survives(world):
                break
            await assert_converges(world)
        assert append > 5

    @pytest.mark.parametrize("filled_meanwhile", [0, 40, 166])
    async def test_a_crash_while_an_order_works_that_fills_afterwards(
        self, filled_meanwhile: int
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", RESTS, FILLS)
        run = asyncio.ensure_future(world.run())
        await asyncio.sleep(30)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        if filled_meanwhile:
            world.books.fill(world.books.orders[-1], filled_meanwhile, price="50.05")
        await assert_converges(world)

    async def test_orders_of_a_crashed_run_of_an_earlier_day_are_closed_by_the_next_run(
        self,
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", RESTS, FILLS)
        run = asyncio.ensure_future(world.run())
        await asyncio.sleep(30)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await asyncio.sleep(18 * 3600)
        world.books.begin_trading_day()
        await assert_converges(world)

    @pytest.mark.parametrize("append", [2, 3, 4])
    async def test_a_run_right_after_a_crash_waits_until_the_account_shows_its_fills(
        self, append: int
    ) -> None:
        world = make_world(**SWITCH, journal=CrashingJournal(append, written=True))
        world.books.snapshot_lag = 3
        assert not await survives(world)
        if append == 2:
            # The crash came before the sending: the order of the dead run still arrives.
            world.books.place_foreign_order(
                ACCOUNT, "OLD", -50, client_id=1, client_order_id="rb:run1:DU1:OLD:S:1"
            )
            world.books.fill(world.books.orders[-1])
        await assert_converges(world)

    async def test_a_crash_long_after_the_last_record_hides_no_fill_of_the_last_moment(
        self,
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", FILL_BEATS_CANCEL)
        world.books.snapshot_lag = 3
        await world.broker.connect()
        # The order works for 300 s; the crash comes when its cancellation has just been sent.
        world.books.faults.append(Fault(method="cancel_order", after_sending=True, error=Crash()))
        assert not await survives(world)
        await assert_converges(world)

    async def test_fills_that_the_account_does_not_show_stop_every_next_run(self) -> None:
        world = make_world(**SWITCH, journal=CrashingJournal(3, written=False))
        assert not await survives(world)
        world.holdings.shares["OLD"] = Decimal(50)
        for _ in range(2):
            world.new_session()
            with pytest.raises(RebalanceStopped, match=r"OLD 50, not 0"):
                await world.run()
            await asyncio.sleep(600)
        del world.holdings.shares["OLD"]
        await assert_converges(world)

    async def test_a_run_that_never_saw_its_fills_leaves_that_to_the_next(self) -> None:
        world = make_world(**SWITCH)
        world.books.snapshot_lag = 10_000
        assert (await world.run()).status is RunStatus.NEEDS_ATTENTION
        await asyncio.sleep(600)
        with pytest.raises(RebalanceStopped, match=r"AAA 100, not 35"):
            await world.run()

    async def test_what_an_earlier_day_left_undone_does_not_bind_the_owner(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", REJECTED, FILLS)
        assert (await world.run()).status is RunStatus.FAILED
        await asyncio.sleep(86_400)
        world.books.begin_trading_day()
        # The owner sells by hand overnight, and the first attempt of the day fails.
        world.holdings.shares["AAA"] -= 10
        world.holdings.cash += 1_000
        world.source.error = AllocationSourceError(SourceFault.UNAVAILABLE, "no answer")
        with pytest.raises(AllocationSourceError):
            await world.run()
        world.source.error = None
        assert (await world.run()).status is RunStatus.DONE

    async def test_the_next_run_tells_what_became_of_the_orders_of_a_crashed_one(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", RESTS, FILLS)
        run = asyncio.ensure_future(world.run())
        await asyncio.sleep(30)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        world.new_session()
        result = await world.run()
        assert result.warnings[0] == (
            "rb:run1:DU1:BBB:B:1 of an earlier run is closed: cancelled, 0 filled"
        )

    async def test_the_next_result_tells_what_a_crashed_run_traded_and_no_later_one_does(
        self,
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", RESTS, FILLS)
        run = asyncio.ensure_future(world.run())
        await asyncio.sleep(30)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        world.books.fill(world.books.orders[-1], 40, price="50.05")
        world.new_session()
        # It closes the orders of the dead run, and fails before it has a result to tell them in.
        world.books.set_quote("AAA", bid=None, ask=None)
        with pytest.raises(PlanError):
            await world.run()
        assert world.journal.unfinished(ACCOUNT) == []
        world.books.set_quote("AAA", bid="99.95", ask="100.05")
        first, second = await world.run(), await world.run()
        bought = first.recovered[-1]
        assert (bought.run_id, bought.client_order_id) == ("run1", "rb:run1:DU1:BBB:B:1")
        assert (bought.quantity, bought.filled_quantity) == (Decimal(166), Decimal(40))
        assert (bought.average_price, bought.status) == (Decimal("50.05"), OrderStatus.CANCELLED)
        assert {trade.symbol for trade in first.recovered} == {"AAA", "OLD", "BBB"}
        assert first.warnings == ()
        assert second.recovered == ()

    async def test_what_a_result_has_told_is_not_told_again(self) -> None:
        world = make_world(**SWITCH)
        world.books.snapshot_lag = 10_000
        told = await world.run()
        assert (told.status, told.orders != ()) == (RunStatus.NEEDS_ATTENTION, True)
        world.books.snapshot_lag = 0
        world.holdings.keep_showing(told.after, reads=0)
        again = await world.run()
        assert {trade.symbol for trade in again.orders} == {"BBB"}
        assert again.recovered == ()

    async def test_an_order_that_never_arrived_is_told_in_words(self) -> None:
        world = make_world(**SWITCH, journal=CrashingJournal(2, written=True))
        assert not await survives(world)
        world.new_session()
        result = await world.run()
        assert result.warnings[0].endswith(" of an earlier run is closed: not found, 0 filled")

    async def test_an_intent_of_a_moment_ago_is_looked_up_again_before_it_counts_as_never_sent(
        self,
    ) -> None:
        world = make_world(**SWITCH, journal=CrashingJournal(2, written=True))
        assert not await survives(world)
        began = world.clock.now()
        await assert_converges(world)
        assert (world.clock.now() - began).total_seconds() == pytest.approx(5, abs=0.5)

    async def test_an_order_that_stays_in_doubt_stops_the_next_run(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", CANCEL_NEVER_CONFIRMED)
        await world.run()
        world.books.orders[-1].client_id = 9  # so that it is not even listed as ours to cancel
        world.new_session()
        with pytest.raises(RebalanceStopped) as stop:
            await world.run()
        assert stop.value.attention.claim is Claim.ORDERS_WORKING
