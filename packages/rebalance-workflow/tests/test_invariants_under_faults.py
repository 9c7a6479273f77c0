"""Invariants 9 to 12 under injected faults: keys, unknown fates, crashes, one run at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker_connector_base import (
    BrokerAPIError,
    Claim,
    Connectivity,
    ContractPrice,
    MarketDataError,
    OrderExecutionError,
    OrderOutcomeUnknown,
    OrderResult,
    OrderStatus,
    RunStatus,
)
from broker_connector_base.testing import (
    ACKNOWLEDGEMENT_LOST,
    CANCEL_NEVER_CONFIRMED,
    COMMISSION_UNTOLD,
    FILL_BEATS_CANCEL,
    FILLS,
    REJECTED,
    RESTS,
    SWALLOWED,
    Behaviour,
    FakeBroker,
    Fault,
)
from rebalance_workflow import (
    AccountBusy,
    AccountLock,
    AllocationSourceError,
    RebalancePolicy,
    RebalanceStopped,
    SourceFault,
)
from rebalance_workflow.journal import MemoryJournal, OrderIntent, OrderOutcome, Record, RunFinished
from rebalance_workflow.order_ids import OrderKey, parse_order_key
from rebalance_workflow.testing import ACCOUNT, World, make_world

SWITCH: dict[str, Any] = {
    "cash": 1_000,
    "shares": {"AAA": 100, "OLD": 50},
    "quotes": {"AAA": ("99.90", "100.10"), "BBB": ("49.95", "50.05"), "OLD": ("19.90", "20.10")},
    "weights": {"AAA": "0.3", "BBB": "0.7"},
}
#: What a run without faults trades. Of 12,000, 11,880 are invested: 30 % are 35.6 AAA of 100 (one
#: more would leave too little cash for BBB at its limit), 70 % are 166.3 BBB of 50.
CLEAN = {"AAA": Decimal(-65), "OLD": Decimal(-50), "BBB": Decimal(166)}


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


def assert_traded_once(world: World) -> None:
    """Each stock went one way, and as far as in a run without faults.

    One share of BBB may differ: another order of fills, or another commission, leaves other cash.
    """
    traded = world.traded()
    assert abs(traded.pop("BBB") - CLEAN["BBB"]) <= 1
    assert traded == {symbol: CLEAN[symbol] for symbol in ("AAA", "OLD")}
    buys = {fill.symbol for fill in world.books.executions if fill.quantity > 0}
    sells = {fill.symbol for fill in world.books.executions if fill.quantity < 0}
    assert not buys & sells


async def assert_converges(world: World) -> None:
    """After a crash the next run finishes the job, and the one after that finds nothing to do."""
    world.new_session()
    result = await world.run()
    assert result.status in (RunStatus.DONE, RunStatus.NOTHING_TO_DO), result.error
    assert_traded_once(world)
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO
    assert world.journal.unfinished(ACCOUNT) == []


class TestInvariant9:
    """Each order carries a key and is in the journal before it is sent."""

    async def test_the_clean_run_trades_what_these_tests_expect(self) -> None:
        world = make_world(**SWITCH)
        await world.run()
        assert world.traded() == CLEAN

    async def test_the_key_is_a_pure_function_of_run_account_symbol_side_and_attempt(self) -> None:
        world = make_world(**SWITCH)
        await world.run()
        assert [order.client_order_id for order in world.books.orders] == [
            "rb:run1:DU1:AAA:S:1",
            "rb:run1:DU1:OLD:S:1",
            "rb:run1:DU1:BBB:B:1",
        ]

    async def test_every_order_was_in_the_journal_before_the_broker_had_it(self) -> None:
        world = make_world(**SWITCH)
        seen: list[set[str]] = []

        class Watching(MemoryJournal):
            def append(self, *records: Record) -> None:
                super().append(*records)
                seen.append({order.client_order_id or "" for order in world.books.orders})

        world.journal = Watching()
        await world.run()
        history = world.journal.history(ACCOUNT)
        keys = {r.client_order_id for r in history if isinstance(r, OrderIntent)}
        assert keys == {order.client_order_id for order in world.books.orders}
        # At each append the broker had none of the orders that this append announced.
        assert seen[0] == seen[1] == set()

    async def test_each_round_has_keys_of_its_own(self) -> None:
        world = make_world(
            cash=10_000,
            quotes={"AAA": ("99.98", "100")},
            weights={"AAA": "1"},
            policy=RebalancePolicy(buy_slippage_percent=Decimal(5)),
        )
        await world.run()
        keys = [parse_order_key(order.client_order_id) for order in world.books.orders]
        assert [key.attempt for key in keys if key is not None] == [1, 2]


class TestInvariant10:
    """An order of unknown fate is looked up; it is never simply sent again."""

    async def test_an_order_that_was_lost_with_its_session_is_not_sent_again(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", SWALLOWED)
        await world.broker.connect()
        asyncio.get_running_loop().call_later(5, world.books.drop)
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert "does not know this order; it was not sent again" in str(result.error)
        assert [symbol for symbol, _ in world.sent()] == ["AAA", "OLD"]

    async def test_an_order_whose_acknowledgement_was_lost_counts_as_what_it_did(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("AAA", ACKNOWLEDGEMENT_LOST)
        world.books.script("BBB", ACKNOWLEDGEMENT_LOST)
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert world.traded() == CLEAN

    async def test_a_lost_acknowledgement_of_a_resting_order_ends_in_its_cancellation(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", Behaviour(arrival=ACKNOWLEDGEMENT_LOST.arrival, fills=0))
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert world.books.orders[-1].status is OrderStatus.CANCELLED

    @pytest.mark.parametrize("after_sending", [False, True])
    async def test_a_session_lost_at_any_call_is_restored_and_the_run_finishes(
        self, after_sending: bool
    ) -> None:
        for call in range(1, 100):
            world = make_world(**SWITCH)
            await world.broker.connect()
            world.books.faults.append(Fault(call=call, after_sending=after_sending))
            result = await world.run()
            assert result.status is RunStatus.DONE, (call, result.error)
            assert_traded_once(world)
            if world.books.faults:
                break
        assert call > 10

    async def test_an_acknowledged_order_that_the_broker_forgets_is_cancelled_and_in_doubt(
        self,
    ) -> None:
        class Forgetful(FakeBroker):
            async def find_order(self, account_id: str, client_order_id: str) -> None:
                return None

        world = make_world(**SWITCH)
        world.broker = Forgetful(world.books)
        world.books.script("OLD", CANCEL_NEVER_CONFIRMED)
        await world.broker.connect()
        asyncio.get_running_loop().call_later(5, world.books.drop)
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert "OLD:S:1 (UNKNOWN): the broker had it and does not tell of it" in str(result.error)
        asked_to_cancel = [o.symbol for o in world.books.orders if o.status.name == "CANCELLING"]
        assert asked_to_cancel == ["OLD"]
        # AAA has filled, but the account was not read after it.
        assert [intent.symbol for intent in world.journal.unfinished(ACCOUNT)] == ["AAA", "OLD"]

    async def test_an_order_that_reaches_the_broker_after_the_session_broke_is_not_missed(
        self,
    ) -> None:
        class Late(FakeBroker):
            """The gateway reads the buy from a broken connection, 4 s after it was planned."""

            async def place_order(self, *details: Any, **more: Any) -> OrderResult:
                if details[1] != "BBB":
                    return await super().place_order(*details, **more)
                await asyncio.sleep(2)  # the rate limit lets it through
                self.lose("cut")
                asyncio.get_running_loop().call_later(4, arrive, details, more)
                raise OrderOutcomeUnknown("cut", client_order_id=more["client_order_id"])

        def arrive(details: tuple[Any, ...], more: dict[str, Any]) -> None:
            order = world.books.place_foreign_order(
                *details[:3], client_id=1, client_order_id=more["client_order_id"]
            )
            world.books.fill(order, price="50.05")

        world = make_world(**SWITCH)
        world.broker = Late(world.books)
        result = await world.run()
        assert result.status is RunStatus.DONE, result.error
        assert world.traded() == CLEAN

    async def test_a_look_up_that_is_refused_keeps_no_order_from_being_cancelled(self) -> None:
        class Refusing(FakeBroker):
            async def find_order(self, account_id: str, client_order_id: str) -> None:
                raise BrokerAPIError("refused", code="322")

        world = make_world(**SWITCH)
        world.broker = Refusing(world.books)
        world.books.script("AAA", replace(RESTS, arrival=ACKNOWLEDGEMENT_LOST.arrival))
        world.books.script("OLD", RESTS)
        result = await world.run()
        ended = {order.symbol: order.status for order in world.books.orders}
        assert ended["AAA"] is ended["OLD"] is OrderStatus.CANCELLED
        assert result.status is RunStatus.FAILED
        assert world.journal.unfinished(ACCOUNT) == []

    async def test_a_session_that_cannot_be_restored_needs_attention_and_says_what_was_sold(
        self,
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("OLD", RESTS)
        await world.broker.connect()

        def cut() -> None:
            world.books.reachable = False
            world.books.drop()

        asyncio.get_running_loop().call_later(5, cut)
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert "rb:run1:DU1:OLD:S:1 (WORKING)" in str(result.error)
        assert "traded before that: -65 AAA" in str(result.error)
        assert result.reconciliation is None
        # AAA has filled, but the account could not be read after it.
        assert [intent.symbol for intent in world.journal.unfinished(ACCOUNT)] == ["AAA", "OLD"]
        last = world.journal.history(ACCOUNT)[-1]
        assert isinstance(last, RunFinished)
        assert last.open_orders == 2

    async def test_a_session_lost_while_an_order_works_is_restored_and_the_fill_is_found(
        self,
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", RESTS)
        await world.broker.connect()

        def fill_unseen() -> None:
            world.books.drop()
            world.books.fill(world.books.orders[-1])

        asyncio.get_running_loop().call_later(5, fill_unseen)
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert world.traded() == CLEAN

    async def test_a_cancellation_that_is_never_confirmed_needs_attention(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", CANCEL_NEVER_CONFIRMED)
        began = world.clock.now()
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert "rb:run1:DU1:BBB:B:1 (CANCELLING)" in str(result.error)
        # 300 s for the order and 60 s for its cancellation.
        assert (world.clock.now() - began).total_seconds() == pytest.approx(360, abs=5)

    async def test_a_fill_that_beats_the_cancellation_counts(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", FILL_BEATS_CANCEL)
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert world.traded() == CLEAN

    async def test_a_rejected_order_does_not_keep_the_others_from_trading(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("OLD", REJECTED)
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert "1 of 3 orders did not fill completely: OLD rejected" in str(result.error)
        assert "rejected by script" in str(result.error)
        assert result.warnings == ()
        assert world.holdings.shares["OLD"] == 50
        assert world.traded()["AAA"] == -65
        assert [symbol for symbol, _ in world.sent()].count("OLD") == 1

    async def test_orders_wait_while_the_broker_is_cut_off_from_its_exchanges(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("OLD", Behaviour(delay=20))
        await world.broker.connect()
        loop = asyncio.get_running_loop()
        loop.call_later(10, world.books.report_connectivity, Connectivity.LOST)
        loop.call_later(50, world.books.report_connectivity, Connectivity.RESTORED)
        result = await world.run()
        assert result.status is RunStatus.DONE
        [bought] = [fill for fill in world.books.executions if fill.symbol == "BBB"]
        assert (bought.at - result.started_at).total_seconds() >= 50

    async def test_orders_are_not_sent_into_a_broken_exchange_link(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("OLD", Behaviour(delay=20))
        await world.broker.connect()
        asyncio.get_running_loop().call_later(
            10, world.books.report_connectivity, Connectivity.LOST
        )
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert [symbol for symbol, _ in world.sent()] == ["AAA", "OLD"]
        assert "could not be sent" in str(result.error)
        assert "lost its link" in str(result.orders[-1].message)

    async def test_buys_that_had_to_wait_for_the_exchanges_are_planned_anew(self) -> None:
        world = make_world(**SWITCH, policy=RebalancePolicy(max_rounds=1))
        world.books.script("OLD", Behaviour(delay=20))
        await world.broker.connect()

        def restore() -> None:
            world.books.set_quote("BBB", bid="59.95", ask="60.05")
            world.books.report_connectivity(Connectivity.RESTORED)

        loop = asyncio.get_running_loop()
        loop.call_later(10, world.books.report_connectivity, Connectivity.LOST)
        loop.call_later(50, restore)
        result = await world.run()
        assert result.status is RunStatus.DONE, result.error
        bought = world.books.orders[-1]
        # 60.05 x 1.005 = 60.35025, down to a cent; the first key was never sent.
        assert bought.limit_price == Decimal("60.35")
        assert bought.client_order_id == "rb:run1:DU1:BBB:B:2"

    async def test_sells_that_had_to_wait_for_the_session_are_planned_anew(self) -> None:
        world = make_world(**SWITCH, policy=RebalancePolicy(max_rounds=1))
        await world.broker.connect()
        world.books.faults.append(Fault(method="order_events"))
        world.books.reachable = False

        def come_back() -> None:
            world.books.set_quote("AAA", bid="49.95", ask="50.05")
            world.books.reachable = True

        asyncio.get_running_loop().call_later(20, come_back)
        result = await world.run()
        assert result.status is RunStatus.DONE, result.error
        # Of 7,000 now, 6,900 are invested, 30 % of it in AAA: 41.4 of 50, where 100 are held.
        assert world.sent()[0] == ("AAA", Decimal(-59))
        assert world.books.orders[0].client_order_id == "rb:run1:DU1:AAA:S:2"

    async def test_an_account_that_changed_while_orders_had_to_wait_stops_the_run(self) -> None:
        world = make_world(**SWITCH)
        await world.broker.connect()
        world.books.faults.append(Fault(method="order_events"))
        world.books.reachable = False

        def come_back() -> None:
            world.holdings.shares["OLD"] = Decimal(10)
            world.holdings.cash += 40 * Decimal("19.90")
            world.books.reachable = True

        asyncio.get_running_loop().call_later(20, come_back)
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert "OLD 10 instead of 50" in str(result.error)
        assert world.sent() == []

    async def test_orders_that_can_never_leave_end_the_run(self) -> None:
        world = make_world(**SWITCH)
        await world.broker.connect()
        world.books.faults.append(Fault(method="order_events"))
        world.books.reachable = False
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert world.sent() == []
        assert world.journal.unfinished(ACCOUNT) == []

    async def test_a_session_lost_while_cancelling_is_restored_and_the_cancellation_repeated(
        self,
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", RESTS)
        await world.broker.connect()
        world.books.faults.append(Fault(method="cancel_order"))
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert world.books.orders[-1].status is OrderStatus.CANCELLED

    async def test_a_refused_cancellation_is_followed_by_a_look_at_the_order(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", RESTS)
        await world.broker.connect()
        refusal = OrderExecutionError("cannot be cancelled", code="161")
        world.books.faults.append(Fault(method="cancel_order", error=refusal))
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert "rb:run1:DU1:BBB:B:1 (WORKING)" in str(result.error)

    async def test_nothing_is_sent_when_the_session_cannot_be_restored_before_the_buys(
        self,
    ) -> None:
        world = make_world(**SWITCH)
        await world.broker.connect()

        def cut() -> None:
            world.books.reachable = False
            world.books.drop()

        class Cutting(MemoryJournal):
            def append(self, *records: Record) -> None:
                super().append(*records)
                if any(isinstance(r, OrderIntent) and r.quantity > 0 for r in records):
                    asyncio.get_running_loop().call_soon(cut)

        world.journal = Cutting()
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert [symbol for symbol, _ in world.sent()] == ["AAA", "OLD"]

    async def test_an_error_that_nobody_foresaw_ends_with_a_result_once_orders_exist(self) -> None:
        world = make_world(**SWITCH)
        await world.broker.connect()
        world.books.faults.append(
            Fault(method="get_account_snapshot", call=2, error=ZeroDivisionError("surprise"))
        )
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert str(result.error).startswith("surprise; traded before that: -65 AAA, -50 OLD")
        assert result.reconciliation is not None

    async def test_quotes_that_go_bad_after_the_sells_end_the_run_as_failed(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("OLD", Behaviour(delay=10))
        await world.broker.connect()

        def spoil() -> None:
            world.books.set_quote("BBB", bid=None, ask=None)

        asyncio.get_running_loop().call_later(5, spoil)
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert "BBB has no quote; traded before that: -65 AAA, -50 OLD" in str(result.error)


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


class TestInvariant12:
    """At most one run per account at a time (across machines: the event store's business)."""

    async def test_a_second_run_waits_for_the_first_and_then_finds_nothing_to_do(
        self, tmp_path: Path
    ) -> None:
        world = make_world(**SWITCH)
        await world.broker.connect()
        statuses: list[RunStatus] = []

        async def locked_run() -> None:
            async with AccountLock(tmp_path, ACCOUNT).held(30):
                statuses.append((await world.run()).status)

        await asyncio.gather(locked_run(), locked_run())
        assert statuses == [RunStatus.DONE, RunStatus.NOTHING_TO_DO]
        assert world.traded() == CLEAN

    async def test_a_run_that_may_not_wait_is_told_who_holds_the_account(
        self, tmp_path: Path
    ) -> None:
        with (
            AccountLock(tmp_path, ACCOUNT, command="rebalance"),
            pytest.raises(AccountBusy, match="in use by rebalance"),
        ):
            AccountLock(tmp_path, ACCOUNT).acquire()


class TestSettling:
    """Plans are made on accounts that show the fills."""

    async def test_a_snapshot_that_lags_behind_the_fills_is_waited_for(self) -> None:
        world = make_world(**SWITCH)
        world.books.snapshot_lag = 4
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert world.traded() == CLEAN

    async def test_a_snapshot_that_never_shows_the_fills_needs_attention(self) -> None:
        world = make_world(**SWITCH)
        world.books.snapshot_lag = 10_000
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert "AAA 100 instead of 35" in str(result.error)
        assert "BBB" not in dict(world.sent())

    async def test_quotes_that_stop_between_decided_orders_cast_no_doubt_on_the_account(
        self,
    ) -> None:
        class Silent(FakeBroker):
            async def get_multiple_market_prices(
                self, symbols: Sequence[str], use_cache: bool = False
            ) -> list[ContractPrice]:
                if world.books.executions:
                    raise MarketDataError("no quote arrived")
                return await super().get_multiple_market_prices(symbols, use_cache)

        world = make_world(**SWITCH)
        world.broker = Silent(world.books)
        await world.broker.connect()
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert "no quote arrived" in str(result.error)
        assert world.traded() == {"AAA": -65, "OLD": -50}

    async def test_cash_that_does_not_fit_the_fills_is_used_cautiously(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("OLD", Behaviour(delay=5))
        await world.broker.connect()

        def deposit() -> None:
            world.holdings.cash += 5_000

        asyncio.get_running_loop().call_later(2, deposit)
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert any("the lower of the two was used" in warning for warning in result.warnings)
        assert world.traded() == CLEAN

    async def test_commissions_that_come_late_are_waited_for(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", COMMISSION_UNTOLD)
        await world.broker.connect()
        asyncio.get_running_loop().call_later(1, world.books.report_commissions)
        result = await world.run()
        # 65 x 0.005 and 50 x 0.005 are below the minimum of 1.
        assert result.commission == 3
        assert result.warnings == ()

    @pytest.mark.parametrize("error", [BrokerAPIError("322"), ZeroDivisionError()])
    async def test_executions_that_cannot_be_read_at_the_end_cost_no_result(
        self, error: Exception
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", COMMISSION_UNTOLD)
        await world.broker.connect()
        world.books.faults.append(Fault(method="get_executions", error=error))
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert "the broker has not told the commission of 1 fills" in result.warnings

    async def test_a_commission_that_is_never_told_is_a_warning(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", COMMISSION_UNTOLD)
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert "the broker has not told the commission of 1 fills" in result.warnings
        assert result.orders[-1].commission is None


def outcomes(world: World) -> Iterator[OrderOutcome]:
    return (r for r in world.journal.history(ACCOUNT) if isinstance(r, OrderOutcome))


async def test_the_journal_holds_the_outcome_of_every_order() -> None:
    world = make_world(**SWITCH)
    await world.run()
    assert {
        (outcome.client_order_id, outcome.status, outcome.filled_quantity)
        for outcome in outcomes(world)
    } == {
        (str(key), OrderStatus.FILLED, abs(CLEAN[key.symbol]))
        for key in (
            OrderKey(run_id="run1", account_id=ACCOUNT, symbol="AAA", side="S", attempt=1),
            OrderKey(run_id="run1", account_id=ACCOUNT, symbol="OLD", side="S", attempt=1),
            OrderKey(run_id="run1", account_id=ACCOUNT, symbol="BBB", side="B", attempt=1),
        )
    }
