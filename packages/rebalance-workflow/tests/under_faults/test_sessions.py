"""Invariant 10 under injected faults: sessions and links that are lost."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from broker_connector_base import (
    Connectivity,
    OrderOutcomeUnknown,
    OrderResult,
    OrderStatus,
    RunStatus,
)
from broker_connector_base.testing import RESTS, Behaviour, FakeBroker, Fault
from rebalance_workflow import RebalancePolicy
from rebalance_workflow.journal import MemoryJournal, OrderIntent, Record, RunFinished
from rebalance_workflow.testing import ACCOUNT, make_world

from .conftest import CLEAN, SWITCH, assert_traded_once


class TestInvariant10:
    """What was sent before a session was lost is looked up; nothing is sent again."""

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

    async def test_an_outage_that_began_before_the_login_is_waited_out(self) -> None:
        world = make_world(**SWITCH)
        world.books.report_connectivity(Connectivity.LOST)
        await world.broker.connect()
        asyncio.get_running_loop().call_later(
            50, world.books.report_connectivity, Connectivity.RESTORED
        )
        result = await world.run()
        assert result.status is RunStatus.DONE, result.error
        first = min(fill.at for fill in world.books.executions)
        assert (first - result.started_at).total_seconds() >= 50
        assert_traded_once(world)

    async def test_a_session_that_is_restored_into_an_outage_sends_nothing_before_its_end(
        self,
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("OLD", Behaviour(delay=20))
        await world.broker.connect()

        def lose_all() -> None:
            world.books.report_connectivity(Connectivity.LOST)
            world.books.drop()

        loop = asyncio.get_running_loop()
        loop.call_later(10, lose_all)
        loop.call_later(50, world.books.report_connectivity, Connectivity.RESTORED)
        result = await world.run()
        assert result.status is RunStatus.DONE, result.error
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
