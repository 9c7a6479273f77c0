"""Orders that the broker holds back until somebody activates them."""

from decimal import Decimal as D

import pytest

from simulated_exchange import ExchangeError, FillPolicy, OrderState, TimeInForce
from simulated_exchange.testing import SPY, Pit


@pytest.fixture
def pit() -> Pit:
    """Owns 10 SPY, and nothing is in the way."""
    return Pit(positions={SPY: (10, 90)})


def test_an_inactive_order_does_not_trade_until_it_is_activated(pit: Pit) -> None:
    order = pit.sell(10, limit=110)
    held = pit.exchange.set_active(order.order_id, False)
    assert (held.status, held.why_held) == (OrderState.HELD, "inactive")
    pit.quote(120, 121)
    assert pit.held() == 10
    assert pit.exchange.set_active(order.order_id, True).status is OrderState.FILLED
    assert pit.held() == 0


def test_an_inactive_order_ties_up_what_it_would_trade(pit: Pit) -> None:
    order = pit.sell(10, limit=110)
    pit.exchange.set_active(order.order_id, False)
    with pytest.raises(ExchangeError, match="offers 10 already"):
        pit.sell(1)


def test_an_inactive_order_can_be_cancelled_and_then_not_activated(pit: Pit) -> None:
    order = pit.sell(10, limit=110)
    pit.exchange.set_active(order.order_id, False)
    assert pit.exchange.cancel(order.order_id).status is OrderState.CANCELLED
    with pytest.raises(ExchangeError, match="CANCELLED"):
        pit.exchange.set_active(order.order_id, True)


def test_what_is_left_of_an_order_goes_on_after_it_was_inactive(pit: Pit) -> None:
    pit.exchange.set_fill_policy("SPY", FillPolicy.partial(4, stall=True))
    order = pit.sell(10)
    pit.exchange.set_active(order.order_id, False)
    pit.exchange.set_fill_policy("SPY", None)
    assert pit.exchange.order(order.order_id).filled == 4
    assert pit.exchange.set_active(order.order_id, True).status is OrderState.FILLED


def test_an_inactive_order_stays_so_over_night(pit: Pit) -> None:
    order = pit.sell(10, limit=110, time_in_force=TimeInForce.GTC)
    pit.exchange.set_active(order.order_id, False)
    pit.clock.advance(24 * 3600)
    pit.quote(120, 121)
    assert pit.exchange.order(order.order_id).why_held == "inactive"
    pit.exchange.set_active(order.order_id, True)
    assert pit.held() == D(0)


def test_an_order_that_is_active_is_left_as_it_is(pit: Pit) -> None:
    order = pit.sell(10, limit=110)
    assert pit.exchange.set_active(order.order_id, True) == order
