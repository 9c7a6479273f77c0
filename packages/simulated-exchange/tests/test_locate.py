"""Short sales that wait until somebody lends the shares."""

from decimal import Decimal as D
from typing import Any

import pytest

from simulated_exchange import OrderState, OrderType, TimeInForce
from simulated_exchange.testing import SPY, Pit

SHORT: dict[str, Any] = {"margin": True, "allow_short": True}


@pytest.fixture
def pit() -> Pit:
    """Owns 10 SPY; nobody lends more."""
    pit = Pit(account=SHORT, positions={SPY: (10, 90)})
    pit.exchange.set_shortable(SPY, False)
    return pit


def test_a_sale_of_what_is_owned_needs_nobody(pit: Pit) -> None:
    assert pit.sell(10).status is OrderState.FILLED


def test_a_short_sale_is_held_until_shares_are_found(pit: Pit) -> None:
    order = pit.sell(11)
    assert (order.status, order.why_held) == (OrderState.HELD, "locate")
    pit.exchange.set_shortable(SPY, True)
    assert pit.exchange.order(order.order_id).status is OrderState.FILLED
    assert pit.held() == -1


def test_what_other_orders_sell_is_not_owned_twice(pit: Pit) -> None:
    resting, second = pit.sell(10, limit=110), pit.sell(1)
    assert (resting.status, second.why_held) == (OrderState.WORKING, "locate")


def test_a_stop_is_held_before_it_waits_for_its_trigger(pit: Pit) -> None:
    stop = pit.sell(20, order_type=OrderType.STP, stop_price=D(95))
    assert stop.why_held == "locate"
    pit.exchange.set_shortable(SPY, True)
    assert pit.exchange.order(stop.order_id).why_held == "trigger"


def test_a_held_sale_can_be_cancelled_reduced_to_what_is_owned_or_expire(pit: Pit) -> None:
    cancelled, reduced, expired = pit.sell(5, limit=110), pit.sell(11), pit.sell(12)
    pit.exchange.cancel(cancelled.order_id)
    pit.exchange.cancel(expired.order_id)
    pit.exchange.modify(reduced.order_id, quantity=D(10))
    assert pit.exchange.order(reduced.order_id).status is OrderState.FILLED
    late = pit.sell(1)
    pit.clock.advance(24 * 3600)
    assert pit.exchange.order(late.order_id).status is OrderState.EXPIRED
    pit.exchange.set_shortable(SPY, True)
    assert pit.held() == 0


def test_a_sale_that_takes_what_it_gets_at_once_gets_nothing(pit: Pit) -> None:
    assert pit.sell(11, time_in_force=TimeInForce.IOC).status is OrderState.CANCELLED


def test_a_sale_that_no_margin_is_left_for_is_rejected_when_shares_are_found() -> None:
    pit = Pit(account=SHORT, cash={"USD": 1_000})
    pit.exchange.set_shortable(SPY, False)
    order = pit.sell(19)
    pit.exchange.transfer("DU1", "USD", -pit.cash() + 10)
    pit.exchange.set_shortable(SPY, True)
    assert pit.exchange.order(order.order_id).status is OrderState.REJECTED
