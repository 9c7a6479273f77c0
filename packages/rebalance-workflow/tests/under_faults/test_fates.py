"""Invariant 10 under injected faults: orders whose fate is unknown."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from broker_connector_base import (
    BrokerAPIError,
    OpenOrder,
    OrderExecutionError,
    OrderStatus,
    RunStatus,
)
from broker_connector_base.testing import (
    ACKNOWLEDGEMENT_LOST,
    CANCEL_NEVER_CONFIRMED,
    FILL_BEATS_CANCEL,
    REJECTED,
    RESTS,
    SWALLOWED,
    Behaviour,
    FakeBroker,
    Fault,
)
from rebalance_workflow.testing import ACCOUNT, make_world

from .conftest import CLEAN, SWITCH


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

    async def test_a_refused_order_that_the_broker_goes_on_listing_is_cancelled(self) -> None:
        class Keeping(FakeBroker):
            async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
                for order in world.books.orders:
                    if order.status is OrderStatus.REJECTED:
                        order.status = OrderStatus.WORKING
                return await super().get_open_orders(account_id)

        world = make_world(**SWITCH)
        world.broker = Keeping(world.books)
        world.books.script("OLD", REJECTED)
        result = await world.run()
        (refused,) = (order for order in world.books.orders if order.symbol == "OLD")
        assert refused.status is OrderStatus.CANCELLED
        assert result.status is RunStatus.FAILED
        assert "OLD rejected with 0 of" in str(result.error)
        assert world.journal.unfinished(ACCOUNT) == []

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

    async def test_a_refused_cancellation_is_followed_by_a_look_at_the_order(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", RESTS)
        await world.broker.connect()
        refusal = OrderExecutionError("cannot be cancelled", code="161")
        world.books.faults.append(Fault(method="cancel_order", error=refusal))
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert "rb:run1:DU1:BBB:B:1 (WORKING)" in str(result.error)

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
