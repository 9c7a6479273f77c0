"""Brackets and one-cancels-all groups."""

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from simulated_exchange import (
    ExchangeError,
    LatencyModel,
    OcaType,
    Order,
    OrderChanged,
    OrderState,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)
from simulated_exchange.testing import ACCOUNT, IBM, SPY, Pit, request

BEFORE_THE_OPEN = datetime(2025, 3, 24, 13, 0, tzinfo=UTC)


def bracket(pit: Pit, entry: Any = 100, quantity: int = 10, **terms: Any) -> list[Order]:
    """Buy at `entry`, sell at 110 or when 90 is reached."""
    loss: dict[str, Any] = {"order_type": OrderType.STP, "stop_price": D(90)}
    children = [
        request(Side.SELL, quantity, 110, **terms),
        request(Side.SELL, quantity, **loss, **terms),
    ]
    return pit.exchange.submit_family(request(Side.BUY, quantity, entry, **terms), children)


def states(pit: Pit, orders: list[Order]) -> list[OrderState]:
    return [pit.exchange.order(order.order_id).status for order in orders]


def test_children_wait_for_their_parent_and_are_released_when_it_has_filled() -> None:
    pit = Pit(partial_fills=True)
    orders = bracket(pit, 99)
    assert states(pit, orders) == [OrderState.WORKING, OrderState.HELD, OrderState.HELD]
    assert {order.why_held for order in orders[1:]} == {"parent"}
    pit.quote("98.40", "98.50", size=4)
    assert states(pit, orders)[1] is OrderState.HELD
    pit.quote("98.40", "98.50", size=6)
    assert states(pit, orders) == [OrderState.FILLED, OrderState.WORKING, OrderState.HELD]
    assert pit.exchange.order(orders[2].order_id).why_held == "trigger"
    assert pit.exchange.audit() == []


def test_one_exit_of_a_bracket_ends_the_other() -> None:
    pit = Pit()
    orders = bracket(pit)
    pit.quote("110.00", "110.10")
    assert states(pit, orders) == [OrderState.FILLED, OrderState.FILLED, OrderState.CANCELLED]
    pit.quote("100.00", "100.10")
    orders = bracket(pit, 101)
    pit.quote("89.90", "90.00", last="90.00")
    assert states(pit, orders) == [OrderState.FILLED, OrderState.CANCELLED, OrderState.FILLED]
    assert pit.held() == 0
    assert pit.exchange.audit() == []


def test_a_partial_exit_reduces_the_other_by_as_much() -> None:
    pit = Pit(partial_fills=True)
    _, gain, loss = bracket(pit)
    pit.quote("110.00", "110.10", size=4)
    assert pit.exchange.order(gain.order_id).remaining == 6
    assert pit.exchange.order(loss.order_id).remaining == 6
    pit.quote("89.90", "90.00", last="90.00", size=100)
    assert pit.exchange.order(loss.order_id).filled == 6
    assert pit.exchange.order(gain.order_id).status is OrderState.CANCELLED
    assert pit.held() == 0


def test_the_exits_of_a_bracket_offer_the_same_shares() -> None:
    pit = Pit(positions={SPY: (5, 90)})
    bracket(pit)
    with pytest.raises(ExchangeError, match="it owns 15 and offers 10"):
        pit.sell(6, limit=120)
    pit.sell(5, limit=120)
    assert pit.exchange.audit() == []


def test_children_end_with_a_parent_that_does_not_fill() -> None:
    pit = Pit()
    cancelled = bracket(pit, 99)
    pit.exchange.cancel(cancelled[0].order_id)
    assert set(states(pit, cancelled)) == {OrderState.CANCELLED}
    expired = bracket(pit, 99, con_id=IBM)
    pit.clock.advance(7 * 3600)
    assert states(pit, expired) == [OrderState.EXPIRED, *[OrderState.CANCELLED] * 2]
    assert pit.exchange.save()["books"]["agenda"]["entries"] == {}


def test_a_child_can_be_cancelled_and_changed_while_it_waits() -> None:
    pit = Pit()
    parent, gain, loss = bracket(pit, 99)
    pit.exchange.cancel(gain.order_id)
    moved = pit.exchange.modify(loss.order_id, stop_price=D(95))
    assert (moved.status, moved.why_held) == (OrderState.HELD, "parent")
    pit.quote("98.00", "98.50", last="98.50")
    pit.quote("94.90", "95.00", last="95.00")
    assert states(pit, [parent, gain, loss]) == [
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.FILLED,
    ]


def test_a_family_travels_together_and_a_filled_parent_releases_travellers() -> None:
    pit = Pit(latency=LatencyModel(low=0.5, high=1.5))
    orders = bracket(pit)
    assert set(states(pit, orders)) == {OrderState.PENDING}
    pit.clock.advance(5)
    assert states(pit, orders) == [OrderState.FILLED, OrderState.WORKING, OrderState.HELD]
    told = [e.order.order_id for e in pit.events if isinstance(e, OrderChanged)]
    assert list(dict.fromkeys(told)) == [order.order_id for order in orders]


def test_a_family_before_the_open_is_released_at_the_open() -> None:
    pit = Pit(start=BEFORE_THE_OPEN)
    orders = bracket(pit, con_id=IBM, time_in_force=TimeInForce.GTC)
    assert set(states(pit, orders)) == {OrderState.HELD}
    pit.clock.advance(30 * 60)
    assert states(pit, orders) == [OrderState.FILLED, OrderState.WORKING, OrderState.HELD]
    pit.clock.advance(24 * 3600)
    pit.quote("110.00", "110.10", con_id=IBM)
    assert states(pit, orders)[1:] == [OrderState.FILLED, OrderState.CANCELLED]
    assert pit.exchange.audit() == []


def test_a_child_good_till_cancelled_wakes_with_a_parent_that_fills_on_another_day() -> None:
    pit = Pit()
    parent, gain, loss = bracket(pit, 99, con_id=IBM, time_in_force=TimeInForce.GTC)
    pit.clock.advance(24 * 3600)
    assert pit.exchange.order(gain.order_id).why_held == "parent"
    pit.quote("98.00", "98.50", con_id=IBM)
    assert states(pit, [parent, gain, loss])[:2] == [OrderState.FILLED, OrderState.WORKING]


def test_a_child_that_cannot_be_paid_when_its_turn_comes_is_rejected() -> None:
    pit = Pit(cash={"USD": 1500})
    parent = request(Side.BUY, 10, 99)
    child = request(Side.BUY, 10, 95, con_id=IBM)
    orders = pit.exchange.submit_family(parent, [child])
    pit.quote("98.00", "98.50")
    done = pit.exchange.order(orders[1].order_id)
    assert (done.status, done.reject_reason) == (OrderState.REJECTED, Reason.INSUFFICIENT_FUNDS)
    assert pit.exchange.audit() == []


def test_a_child_may_come_later_and_grandchildren_end_with_their_line() -> None:
    pit = Pit()
    parent = pit.buy(10, limit=99)
    child = pit.sell(10, limit=110, parent_id=parent.order_id)
    grandchild = pit.buy(10, limit=90, parent_id=child.order_id)
    assert states(pit, [child, grandchild]) == [OrderState.HELD] * 2
    pit.exchange.cancel(parent.order_id)
    assert states(pit, [child, grandchild]) == [OrderState.CANCELLED] * 2
    filled = pit.buy(10)
    assert pit.sell(10, parent_id=filled.order_id).status is OrderState.FILLED


@pytest.mark.parametrize("parent_id", [99, 1_700_000_001])
def test_a_child_needs_a_parent_that_can_still_fill(parent_id: int) -> None:
    pit = Pit(positions={SPY: (10, 90)})
    pit.exchange.cancel(pit.buy(10, limit=99).order_id)
    with pytest.raises(ExchangeError) as refused:
        pit.sell(10, limit=110, parent_id=parent_id)
    assert refused.value.reason is Reason.BAD_PARENT


def test_a_family_is_taken_as_a_whole_or_not_at_all() -> None:
    pit = Pit()
    pit.exchange.open_account("DU2", cash={"USD": D(10_000)})
    before = pit.exchange.save()
    parent = request(Side.BUY, 10, 99)
    for wrong, reason in (
        (request(Side.SELL, 10, "110.005"), Reason.OFF_TICK),
        (request(Side.SELL, 10, 110, account_id="DU2"), Reason.BAD_PARENT),
    ):
        with pytest.raises(ExchangeError) as refused:
            pit.exchange.submit_family(parent, [request(Side.SELL, 10, 110), wrong])
        assert refused.value.reason is reason
    assert pit.exchange.save() == before


def group(pit: Pit, kind: OcaType, *terms: dict[str, Any]) -> list[Order]:
    return [pit.buy(oca_group="g", oca_type=kind, **term) for term in terms]


def test_the_first_fill_cancels_the_rest_of_a_group() -> None:
    pit = Pit(partial_fills=True)
    orders = group(
        pit,
        OcaType.CANCEL,
        {"quantity": 10, "limit": 99},
        {"quantity": 10, "limit": 98},
        {"quantity": 10, "limit": 99, "con_id": IBM},
    )
    other = pit.buy(1, limit=90)
    pit.quote("98.90", "98.95", size=3)
    assert states(pit, [*orders, other]) == [
        OrderState.PARTIALLY_FILLED,
        OrderState.CANCELLED,
        OrderState.CANCELLED,
        OrderState.WORKING,
    ]


def test_one_quote_that_reaches_a_whole_group_fills_one_order_of_it() -> None:
    pit = Pit()
    orders = group(
        pit, OcaType.CANCEL, {"quantity": 10, "limit": 99}, {"quantity": 10, "limit": 98}
    )
    pit.quote("97.00", "97.50")
    assert states(pit, orders) == [OrderState.FILLED, OrderState.CANCELLED]


@pytest.mark.parametrize("kind", [OcaType.REDUCE, OcaType.REDUCE_WITHOUT_BLOCK])
def test_a_partial_fill_reduces_the_others_in_proportion_and_to_whole_lots(kind: OcaType) -> None:
    pit = Pit(partial_fills=True)
    orders = group(
        pit, kind, {"quantity": 10, "limit": 99}, {"quantity": 5, "limit": 99, "con_id": IBM}
    )
    pit.quote("98.90", "98.95", size=3)
    # seven tenths of 5 are 3.5
    assert pit.exchange.order(orders[1].order_id).remaining == 3
    pit.quote("98.90", "98.95", size=6)
    # one seventh of 3 is less than a share
    assert states(pit, orders) == [OrderState.PARTIALLY_FILLED, OrderState.CANCELLED]
    assert pit.exchange.audit() == []


def test_a_group_reserves_what_its_dearest_order_may_cost() -> None:
    pit = Pit(cash={"USD": 1000})
    orders = group(pit, OcaType.CANCEL, {"quantity": 9, "limit": 99}, {"quantity": 9, "limit": 98})
    # 9 x 99 + 1 are held: 108.00 are left
    with pytest.raises(ExchangeError, match=r"has 108\.00 USD free"):
        pit.buy(2, limit=60)
    pit.exchange.cancel(orders[0].order_id)
    with pytest.raises(ExchangeError, match=r"has 117\.00 USD free"):
        pit.buy(2, limit=60)
    assert pit.exchange.audit() == []


def test_groups_of_two_accounts_have_nothing_to_do_with_each_other() -> None:
    pit = Pit()
    pit.exchange.open_account("DU2", cash={"USD": D(10_000)})
    mine = pit.buy(10, limit=99, oca_group="g")
    theirs = pit.buy(10, limit=98, oca_group="g", account_id="DU2")
    pit.quote("98.40", "98.50")
    assert states(pit, [mine, theirs]) == [OrderState.FILLED, OrderState.WORKING]
    assert pit.exchange.account(ACCOUNT).positions[SPY].quantity == 10


def test_a_market_order_that_loses_its_price_can_still_be_reduced() -> None:
    pit = Pit(partial_fills=True)
    pit.quote(None, None, last=100)
    market = pit.buy(10, oca_group="g", oca_type=OcaType.REDUCE)
    limit = pit.buy(10, limit=99, con_id=IBM, oca_group="g", oca_type=OcaType.REDUCE)
    pit.quote(None, None)
    pit.quote("98.40", "98.50", size=4, con_id=IBM)
    assert pit.exchange.order(market.order_id).remaining == 6
    assert pit.exchange.order(limit.order_id).filled == 4
    assert pit.exchange.audit() == []


def test_a_change_on_its_way_does_not_undo_a_reduction() -> None:
    short = {"margin": True, "allow_short": True}
    pit = Pit(latency=LatencyModel.fixed(1), partial_fills=True, account=short)
    _, gain, loss = bracket(pit)
    pit.clock.advance(1)
    pit.exchange.modify(loss.order_id, stop_price=D(95))
    pit.quote("110.00", "110.10", size=4)
    pit.clock.advance(1)
    moved = pit.exchange.order(loss.order_id)
    assert (moved.stop_price, moved.remaining) == (D(95), D(6))
    assert pit.exchange.order(gain.order_id).remaining == 6


def test_a_child_that_fills_with_its_parent_ends_the_others() -> None:
    pit = Pit()
    parent = request(Side.BUY, 10)
    exits = [request(Side.SELL, 10), request(Side.SELL, 10)]
    placed = pit.exchange.submit_family(parent, exits)
    states = [pit.exchange.order(order.order_id).status for order in placed]
    assert states == [OrderState.FILLED, OrderState.FILLED, OrderState.CANCELLED]
