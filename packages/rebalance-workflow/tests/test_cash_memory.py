"""A broker that tells an old balance of cash to the run after the one that spent it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker_connector_base import AccountDataError, AccountSnapshot, RunStatus
from broker_connector_base.testing import (
    COMMISSION_UNTOLD,
    FILLS,
    RESTS,
    FakeBroker,
    LoopClock,
)
from broker_connector_base.testing.virtual_time import START
from rebalance_calculator import CommissionModel
from rebalance_workflow.testing import ACCOUNT, World, make_world

TERMS: dict[str, Any] = {
    "cash": 10_000,
    "quotes": {"AAA": ("99.90", "100")},
    "weights": {"AAA": "0.8", "CASH": "0.2"},
}


class Stale(FakeBroker):
    """From now on it tells more cash than there is, in net liquidation as well or not."""

    excess = Decimal(0)
    in_total = True
    #: Whether the cash in dollars is told as it is, and only the balance is old.
    contradicts = False

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        snapshot = await super().get_account_snapshot(account_id)
        settled = snapshot.settled_cash
        return snapshot.model_copy(
            update={
                "cash_balance": snapshot.cash_balance + self.excess,
                "settled_cash": None if settled is None else settled + self.excess,
                "cash_by_currency": snapshot.cash_by_currency if self.contradicts else {},
                "total_value": snapshot.total_value + (self.excess if self.in_total else 0),
            }
        )


class Rich(FakeBroker):
    """It holds euros besides, whose worth in dollars is part of the balance."""

    euros = Decimal(1_000)

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        snapshot = await super().get_account_snapshot(account_id)
        return snapshot.model_copy(
            update={
                "cash_balance": snapshot.cash_balance + self.euros,
                "cash_by_currency": {"USD": snapshot.cash_balance, "EUR": self.euros},
                "total_value": snapshot.total_value + self.euros,
            }
        )


def stale(world: World, *, in_total: bool = True) -> Stale:
    """A new session at which the cash is as it was before all trades."""
    world.new_session()
    broker = Stale(world.books)
    broker.excess, broker.in_total = 10_000 - world.holdings.cash, in_total
    world.broker = broker
    return broker


@pytest.fixture
def world() -> World:
    return make_world(**TERMS)


async def refused(world: World) -> None:
    """A run that sends nothing, and says why."""
    sent = len(world.sent())
    with pytest.raises(AccountDataError, match=r"7(801|90[02])\.00 USD more cash .* Nothing was"):
        await world.run()
    assert len(world.sent()) == sent


@pytest.mark.parametrize("in_total", [True, False])
async def test_money_is_not_spent_again_by_the_next_run(world: World, in_total: bool) -> None:
    assert (await world.run()).status is RunStatus.DONE
    stale(world, in_total=in_total)
    await refused(world)


async def test_a_balance_that_contradicts_the_cash_in_dollars_is_old_as_well(world: World) -> None:
    """Taken with it, net liquidation would look like a debt, and shares were sold to cover it."""
    await world.run()
    stale(world, in_total=False).contradicts = True
    await refused(world)


async def test_nor_by_the_run_after_one_that_did_not_live_to_see_its_fills(world: World) -> None:
    world.books.script("AAA", RESTS, FILLS)
    run = asyncio.ensure_future(world.run())
    await asyncio.sleep(30)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    world.books.fill(world.books.orders[0], 78)
    stale(world)
    await refused(world)


async def test_nor_by_the_ones_after_that(world: World) -> None:
    await world.run()
    stale(world)
    for _ in range(3):
        await refused(world)


async def test_a_commission_that_is_not_told_may_be_less_than_the_model_says(world: World) -> None:
    world.books.script("AAA", COMMISSION_UNTOLD)
    await world.run()
    dear = CommissionModel(minimum=Decimal(20))
    world.policy = world.policy.model_copy(update={"commission": dear})
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO
    stale(world)
    await refused(world)


async def test_a_run_without_orders_keeps_it_in_mind(world: World) -> None:
    await world.run()
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO
    stale(world)
    await refused(world)


async def test_a_balance_that_is_put_right_meanwhile_is_waited_for(world: World) -> None:
    await world.run()
    broker = stale(world)

    def put_right() -> None:
        broker.excess = Decimal(0)

    asyncio.get_running_loop().call_later(10, put_right)
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO


async def test_after_some_minutes_the_money_is_believed_to_have_been_paid_in(world: World) -> None:
    await world.run()
    held = world.holdings.shares["AAA"]
    world.holdings.cash += 5_000
    with pytest.raises(AccountDataError, match="a run after 2026-01-05 15:10 UTC"):
        await world.run()
    await asyncio.sleep(600)
    assert (await world.run()).status is RunStatus.DONE
    assert world.holdings.shares["AAA"] > held + 30


async def test_nothing_is_sold_for_a_balance_that_is_too_low(world: World) -> None:
    """The second run does not see what the first has sold."""
    world = make_world(**TERMS, shares={"OLD": 100})
    world.books.add_instrument("OLD", bid="20", ask="20.10")
    assert (await world.run()).status is RunStatus.DONE
    broker = stale(world)
    broker.excess = Decimal(-1_500)
    world.source.weights = {"AAA": "0.7", "CASH": "0.3"}
    sent = len(world.sent())
    with pytest.raises(
        AccountDataError, match=r"1500\.00 USD less cash .*If money was paid out, a"
    ):
        await world.run()
    assert len(world.sent()) == sent
    broker.excess = Decimal(0)
    assert (await world.run()).status is RunStatus.DONE


async def test_what_somebody_else_has_bought_is_no_lack(world: World) -> None:
    await world.run()
    world.books.add_instrument("OLD", bid="20", ask="20.10")
    by_hand = world.books.place_foreign_order(ACCOUNT, "OLD", 10, limit_price=30)
    world.books.fill(by_hand)
    assert (await world.run()).status is RunStatus.DONE


async def test_a_clock_that_was_ahead_keeps_it_in_mind_no_longer_than_another(
    world: World,
) -> None:
    world.clock = LoopClock(START + timedelta(days=1))
    await world.run()
    world.clock = LoopClock(START)
    world.holdings.cash += 5_000
    for _ in range(2):
        with pytest.raises(AccountDataError, match="a run after 2026-01-05 15:10 UTC"):
            await world.run()
        await asyncio.sleep(200)
    await asyncio.sleep(300)
    assert (await world.run()).status is RunStatus.DONE


async def test_the_worth_of_other_currencies_may_move(world: World) -> None:
    world.new_session()
    world.broker = broker = Rich(world.books)
    await world.run()
    broker.euros += 50
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO


async def test_what_somebody_else_has_sold_counts_at_once() -> None:
    world = make_world(**TERMS, shares={"OLD": 50})
    world.books.add_instrument("OLD", bid="20", ask="20.10")
    world.books.script("OLD", RESTS)
    # Its own sale does not go through, so the run fails and OLD is sold by hand.
    assert (await world.run()).status is RunStatus.FAILED
    by_hand = world.books.place_foreign_order(ACCOUNT, "OLD", -50)
    world.books.fill(by_hand, price="20")
    bought = await world.run()
    assert bought.status is RunStatus.DONE
    assert bought.warnings == ()
    # 80 % of 10,890.
    assert world.holdings.shares["AAA"] in (86, 87)
