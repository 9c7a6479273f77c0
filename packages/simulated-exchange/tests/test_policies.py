"""Commissions, latency and fill policies."""

from decimal import Decimal as D

import pytest

from simulated_exchange import (
    CommissionSchedule,
    Exchange,
    ExchangeError,
    FillPolicy,
    LatencyModel,
    OrderState,
    OrderType,
    TimeInForce,
)
from simulated_exchange.testing import IBM, Pit


@pytest.mark.parametrize(
    ("shares", "price", "expected"),
    [
        # The examples on Interactive Brokers' page for fixed pricing.
        (100, "25.00", "1.00"),
        (1000, "25.00", "5.00"),
        (1000, "0.25", "2.50"),
        # The cap of 1 % wins over the minimum: 10 shares at USD 0.20.
        (10, "0.20", "0.02"),
    ],
)
def test_commissions_are_those_of_the_published_schedule(
    shares: int, price: str, expected: str
) -> None:
    assert CommissionSchedule().charge(D(shares), shares * D(price)) == D(expected)


def test_the_minimum_counts_once_for_an_order_that_fills_in_parts() -> None:
    pit = Pit()
    pit.exchange.fill_policy = FillPolicy.partial(100, 150)
    pit.buy(500)
    charged = [pit.exchange.commission_report(fill.exec_id) for fill in pit.exchange.executions()]
    # 100: the minimum; 250 in all: 1.25; 500 in all: 2.50
    assert [report.commission for report in charged] == [D("1.00"), D("0.25"), D("1.25")]


def test_a_partial_fill_can_stall() -> None:
    pit = Pit()
    pit.exchange.fill_policy = FillPolicy.partial(30, stall=True)
    order = pit.buy(100)
    pit.clock.advance(3600)
    pit.quote("99.99", 100)
    stalled = pit.exchange.order(order.order_id)
    assert (stalled.status, stalled.filled) == (OrderState.PARTIALLY_FILLED, D(30))
    pit.exchange.fill_policy = FillPolicy.immediate()
    assert pit.exchange.order(order.order_id).status is OrderState.FILLED


def test_slices_come_a_gap_apart_whatever_the_quote_does_meanwhile() -> None:
    pit = Pit()
    pit.exchange.fill_policy = FillPolicy.partial(30, 20, gap=2)
    order = pit.buy(100)
    filled = [order.filled]
    for _ in range(5):
        pit.clock.advance(1)
        pit.quote("99.99", 100)
        filled.append(pit.exchange.order(order.order_id).filled)
    assert filled == [30, 30, 50, 50, 100, 100]


def test_an_order_waits_while_the_policy_says_never() -> None:
    pit = Pit()
    pit.exchange.fill_policy = FillPolicy.never()
    waiting = pit.buy(10)
    assert waiting.status is OrderState.WORKING
    assert pit.buy(10, time_in_force=TimeInForce.IOC).status is OrderState.CANCELLED
    pit.exchange.fill_policy = FillPolicy.immediate()
    assert pit.exchange.fill_policy == FillPolicy()
    assert pit.exchange.order(waiting.order_id).status is OrderState.FILLED


def test_a_symbol_can_have_a_policy_of_its_own() -> None:
    pit = Pit()
    pit.exchange.set_fill_policy("SPY", FillPolicy.never())
    spy, ibm = pit.buy(10), pit.buy(10, con_id=IBM)
    assert (spy.filled, ibm.filled) == (D(0), D(10))
    pit.exchange.set_fill_policy("SPY", None)
    assert pit.exchange.order(spy.order_id).filled == 10


def test_the_orders_of_one_owner_can_have_a_policy_of_their_own() -> None:
    pit = Pit()
    pit.exchange.set_owner_policy((1, 7), FillPolicy.partial(4, stall=True))
    mine, other = pit.buy(10, owner=(1, 7)), pit.buy(10, owner=(1, 8))
    assert (mine.filled, other.filled) == (D(4), D(10))
    restored = Exchange.restore(pit.exchange.save(), clock=pit.clock)
    restored.set_owner_policy((1, 7), None)
    assert restored.order(mine.order_id).status is OrderState.FILLED


def test_a_working_order_can_be_filled_whatever_the_market_says() -> None:
    pit = Pit()
    pit.exchange.fill_policy = FillPolicy.never()
    resting, market = pit.buy(10, limit="95.00"), pit.buy(5)
    pit.quote("99.99", 100, halted=1)
    assert pit.exchange.fill(resting.order_id).average_fill_price == D("95.00")
    assert pit.exchange.fill(market.order_id).average_fill_price == D(100)
    assert pit.exchange.audit() == []


def test_an_order_that_waits_or_has_no_price_is_not_filled() -> None:
    pit = Pit()
    stop, market = pit.buy(1, order_type=OrderType.STP, stop_price=D(105)), pit.buy(1)
    for order in (stop, market):
        with pytest.raises(ExchangeError, match="NOT_FILLABLE"):
            pit.exchange.fill(order.order_id)
    pit.exchange.fill_policy = FillPolicy.never()
    waiting = pit.buy(1)
    pit.quote(None, None)
    with pytest.raises(ExchangeError, match="NO_PRICE"):
        pit.exchange.fill(waiting.order_id)


def test_latency_is_drawn_from_its_range_and_depends_on_the_seed_alone() -> None:
    uniform = LatencyModel(low=0.5, high=1.5)
    draws = [uniform.delay(1, number) for number in range(1000)]
    assert draws == [uniform.delay(1, number) for number in range(1000)]
    assert draws != [uniform.delay(2, number) for number in range(1000)]
    assert 0.5 <= min(draws) < 0.51
    assert 1.49 < max(draws) < 1.5
    assert 0.97 < sum(draws) / 1000 < 1.03
    assert LatencyModel.fixed(0.25).delay(1, 7) == 0.25


@pytest.mark.parametrize(
    "make",
    [
        lambda: CommissionSchedule(minimum=D(-1)),
        lambda: LatencyModel(low=2, high=1),
        lambda: FillPolicy.partial(0),
        lambda: FillPolicy(gap=-1),
    ],
)
def test_impossible_policies_are_refused(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]
