"""A run whose permit is withdrawn sends no further order, at whichever order that happens."""

from __future__ import annotations

from typing import Any

import pytest

from broker_connector_base import OrderStatus, RunStatus
from broker_connector_base.testing import RESTS
from rebalance_workflow import PermitWithdrawn
from rebalance_workflow.journal import OrderIntent
from rebalance_workflow.testing import ACCOUNT, World, make_world

#: Two sells, then a buy.
SWITCH: dict[str, Any] = {
    "cash": 1_000,
    "shares": {"AAA": 100, "OLD": 50},
    "quotes": {"AAA": ("99.90", "100.10"), "BBB": ("49.95", "50.05"), "OLD": ("19.90", "20.10")},
    "weights": {"AAA": "0.3", "BBB": "0.7"},
}


class Allowance:
    """Permits so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> None:
        if self.left == 0:
            raise PermitWithdrawn("the lease is over")
        self.left -= 1


def world_with(allowance: int) -> World:
    world = make_world(**SWITCH)
    world.permit = Allowance(allowance)
    return world


def intents(world: World) -> list[str]:
    history = world.journal.history(ACCOUNT)
    return [record.symbol for record in history if isinstance(record, OrderIntent)]


async def test_without_a_permit_no_order_is_sent_or_even_written_down() -> None:
    world = world_with(0)
    with pytest.raises(PermitWithdrawn, match="the lease is over"):
        await world.run()
    assert world.sent() == []
    assert intents(world) == []


async def test_the_permit_is_asked_before_every_order() -> None:
    # Once for the batch of sells, then for each of them; the buy is never written down.
    world = world_with(3)
    result = await world.run()
    assert [symbol for symbol, _ in world.sent()] == ["AAA", "OLD"]
    assert intents(world) == ["AAA", "OLD"]
    assert result.status is RunStatus.FAILED
    assert result.error is not None
    assert "the lease is over" in result.error


async def test_what_works_when_the_permit_is_withdrawn_is_cancelled_at_once() -> None:
    world = world_with(2)
    world.books.script("AAA", RESTS)
    began = world.clock.now()
    result = await world.run()
    assert [symbol for symbol, _ in world.sent()] == ["AAA"]
    assert [order.status for order in result.orders] == [
        OrderStatus.CANCELLED,
        OrderStatus.NOT_FOUND,
    ]
    assert (world.clock.now() - began).total_seconds() < world.policy.order_timeout_seconds
    assert world.journal.unfinished(ACCOUNT) == []


@pytest.mark.parametrize("allowance", range(6))
async def test_the_next_run_goes_on_wherever_the_permit_was_withdrawn(allowance: int) -> None:
    world = world_with(allowance)
    try:
        await world.run()
    except PermitWithdrawn:
        assert world.sent() == []
    world.permit = Allowance(1_000)
    world.new_session()
    assert (await world.run()).status in (RunStatus.DONE, RunStatus.NOTHING_TO_DO)
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO
    assert {symbol: abs(shares) for symbol, shares in world.traded().items()}["OLD"] == 50
