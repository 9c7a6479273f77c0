"""Stops, trailing stops and midpoint orders; every price is worked out by hand."""

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from simulated_exchange import (
    ExchangeError,
    Instrument,
    LatencyModel,
    Order,
    OrderState,
    OrderType,
    Reason,
    Side,
    TimeInForce,
    TriggerMethod,
)
from simulated_exchange.testing import IBM, SPY, Pit, request

BEFORE_THE_OPEN = datetime(2025, 3, 24, 13, 0, tzinfo=UTC)


def place(pit: Pit, side: Side, kind: OrderType, quantity: Any = 10, **terms: Any) -> Order:
    given = {name: D(term) if type(term) is str else term for name, term in terms.items()}
    return pit.exchange.submit(request(side, quantity, order_type=kind, **given))


def now(pit: Pit, order: Order) -> Order:
    return pit.exchange.order(order.order_id)


def holding() -> Pit:
    return Pit(positions={SPY: (100, 90)})


def test_a_sell_stop_waits_until_the_last_price_reaches_it_and_then_takes_the_bid() -> None:
    pit = holding()
    order = place(pit, Side.SELL, OrderType.STP, stop_price="98.00")
    assert (order.status, order.why_held) == (OrderState.HELD, "trigger")
    pit.quote("98.01", "98.03", last="98.01")
    assert now(pit, order).status is OrderState.HELD
    pit.quote("97.95", "97.97", last="97.95")
    done = now(pit, order)
    assert (done.status, done.triggered, done.why_held) == (OrderState.FILLED, True, "")
    assert done.average_fill_price == D("97.95")


def test_a_stop_limit_does_not_trade_beyond_its_limit_after_a_gap() -> None:
    pit = Pit()
    order = place(pit, Side.BUY, OrderType.STP_LMT, stop_price="101.00", limit_price="101.50")
    pit.quote("103.00", "103.05", last="103.00")
    assert now(pit, order).status is OrderState.WORKING
    pit.quote("101.30", "101.40", last="101.40")
    assert now(pit, order).average_fill_price == D("101.50")


@pytest.mark.parametrize(
    ("last", "triggered"),
    [
        ("97.00", False),  # 98.00 less half a percent is 97.51: a bad print
        ("97.51", True),
        ("98.00", True),
        ("98.10", False),  # above the stop
    ],
)
def test_a_last_price_far_outside_the_spread_triggers_nothing(last: str, triggered: bool) -> None:
    pit = holding()
    order = place(pit, Side.SELL, OrderType.STP, stop_price="98.05")
    pit.quote("98.00", "98.20", last=last)
    assert now(pit, order).triggered is triggered


def test_a_last_price_far_above_the_ask_triggers_no_buy() -> None:
    pit = Pit()
    order = place(pit, Side.BUY, OrderType.STP, stop_price="101.00")
    pit.quote("99.99", "100.00", last="105")
    assert now(pit, order).status is OrderState.HELD


@pytest.mark.parametrize(
    ("method", "triggered"),
    [
        (TriggerMethod.LAST, False),
        (TriggerMethod.MIDPOINT, False),  # (97.90 + 98.20) / 2 = 98.05
        (TriggerMethod.BID_ASK, False),  # the ask is still 98.20
    ],
)
def test_each_trigger_method_looks_at_its_own_price(method: TriggerMethod, triggered: bool) -> None:
    pit = holding()
    order = place(pit, Side.SELL, OrderType.STP, stop_price="98.00", trigger_method=method)
    pit.quote("97.90", "98.20", last="98.10")
    assert now(pit, order).triggered is triggered
    pit.quote("97.80", "97.95", last="97.90")
    assert now(pit, order).triggered


def test_a_currency_pair_triggers_by_bid_and_ask_unless_told_otherwise() -> None:
    pair = Instrument(con_id=7, symbol="EUR", sec_type="CASH", min_tick=D("0.00005"))
    pit = Pit(instruments=(pair,))
    pit.quote("1.0800", "1.0801", con_id=7)
    order = place(pit, Side.BUY, OrderType.STP, 100, con_id=7, stop_price="1.0900")
    pit.quote("1.0900", "1.0901", con_id=7)
    assert now(pit, order).status is OrderState.FILLED


def test_a_one_sided_market_has_no_midpoint_to_trigger_by() -> None:
    pit = holding()
    method = TriggerMethod.MIDPOINT
    order = place(pit, Side.SELL, OrderType.STP, stop_price="98.00", trigger_method=method)
    pit.quote("90.00", None, last="90.00")
    assert not now(pit, order).triggered


def test_a_trailing_stop_follows_the_market_up_and_never_back() -> None:
    pit = holding()
    pit.quote("100.00", "100.02", last="100.00")
    order = place(pit, Side.SELL, OrderType.TRAIL, trail_amount="1.50")
    stops = [order.stop_price]
    for last in ("100.80", "102.00", "101.00", "100.51"):
        pit.quote(D(last), D(last) + D("0.02"), last=last)
        stops.append(now(pit, order).stop_price)
    assert stops == [D("98.50"), D("99.30"), D("100.50"), D("100.50"), D("100.50")]
    pit.quote("100.48", "100.50", last="100.48")
    assert now(pit, order).average_fill_price == D("100.48")


def test_a_trailing_stop_in_percent_stands_on_the_grid_and_no_closer_than_asked() -> None:
    pit = Pit()
    pit.quote("99.99", "100.00", last="99.99")
    order = place(pit, Side.BUY, OrderType.TRAIL, trail_percent="2")
    # 99.99 x 1.02 = 101.9898
    assert order.stop_price == D("101.99")
    pit.quote("96.00", "96.01", last="96.00")
    assert now(pit, order).stop_price == D("97.92")
    pit.quote("97.95", "97.97", last="97.95")
    assert now(pit, order).average_fill_price == D("97.97")


def test_a_trailing_stop_starts_where_it_is_told_or_with_the_first_price() -> None:
    pit = holding()
    told = place(pit, Side.SELL, OrderType.TRAIL, trail_amount="2", stop_price="95.00")
    free = place(pit, Side.SELL, OrderType.TRAIL, trail_amount="2")
    assert (told.stop_price, free.stop_price) == (D("95.00"), None)
    pit.quote("96.50", "96.52", last="96.50")
    assert (now(pit, told).stop_price, now(pit, free).stop_price) == (D("95.00"), D("94.50"))


def test_a_trailing_limit_ends_as_a_limit_order_beyond_its_stop() -> None:
    pit = holding()
    pit.quote("100.00", "100.02", last="100.00")
    terms = {"trail_amount": "1.00", "limit_offset": "0.10"}
    order = place(pit, Side.SELL, OrderType.TRAIL_LIMIT, **terms)
    assert (order.stop_price, order.limit_price) == (D("99.00"), D("98.90"))
    pit.quote("98.50", "98.60", last="98.60")
    assert now(pit, order).status is OrderState.WORKING
    pit.quote("98.95", "98.97", last="98.95")
    assert now(pit, order).average_fill_price == D("98.90")


def test_stops_neither_move_nor_trigger_while_the_instrument_is_halted() -> None:
    pit = holding()
    pit.quote("100.00", "100.02", last="100.00")
    order = place(pit, Side.SELL, OrderType.TRAIL, trail_amount="1.00")
    pit.quote("110.00", "110.02", last="110.00", halted=1)
    assert now(pit, order).stop_price == D("99.00")
    pit.quote("98.00", "98.02", last="98.00", halted=1)
    assert not now(pit, order).triggered
    pit.quote("98.00", "98.02", last="98.00")
    assert now(pit, order).status is OrderState.FILLED


def test_a_stop_can_be_moved_and_may_trigger_by_that() -> None:
    pit = holding()
    pit.quote("100.00", "100.02", last="100.00")
    order = place(pit, Side.SELL, OrderType.STP, stop_price="95.00")
    moved = pit.exchange.modify(order.order_id, stop_price=D("99.00"), quantity=D(20))
    assert (moved.status, moved.stop_price, moved.remaining) == (
        OrderState.HELD,
        D("99.00"),
        D(20),
    )
    done = pit.exchange.modify(order.order_id, stop_price=D("100.00"))
    assert (done.status, done.filled) == (OrderState.FILLED, D(20))


def test_a_trailing_stop_starts_again_when_its_distance_changes_and_only_then() -> None:
    pit = holding()
    pit.quote("100.00", "100.02", last="100.00")
    order = place(pit, Side.SELL, OrderType.TRAIL, trail_amount="1.00")
    pit.quote("99.50", "99.52", last="99.50")
    smaller = pit.exchange.modify(order.order_id, quantity=D(5))
    assert smaller.stop_price == D("99.00")
    wider = pit.exchange.modify(order.order_id, trail_amount=D("3.00"))
    assert wider.stop_price == D("96.50")


def test_a_triggered_stop_limit_can_still_get_another_limit() -> None:
    pit = holding()
    pit.quote("97.00", "97.02", last="97.00")
    order = place(pit, Side.SELL, OrderType.STP_LMT, stop_price="98.00", limit_price="97.50")
    assert order.status is OrderState.WORKING
    done = pit.exchange.modify(order.order_id, limit_price=D("97.00"))
    assert (done.status, done.average_fill_price) == (OrderState.FILLED, D("97.00"))


def test_a_buy_stop_reserves_its_price_and_is_refused_when_a_gap_is_too_dear() -> None:
    pit = Pit(cash={"USD": 1100})
    with pytest.raises(ExchangeError, match=r"needs 1101\.00 USD"):
        place(pit, Side.BUY, OrderType.STP, stop_price="110.00")
    order = place(pit, Side.BUY, OrderType.STP, stop_price="109.00")
    with pytest.raises(ExchangeError, match="INSUFFICIENT_FUNDS"):
        pit.buy(1)  # 1100 - 1091 are left
    pit.quote("119.99", "120.00", last="120.00")
    done = now(pit, order)
    assert (done.status, done.reject_reason) == (
        OrderState.REJECTED,
        Reason.INSUFFICIENT_FUNDS,
    )
    assert pit.exchange.audit() == []


@pytest.mark.parametrize(
    ("kind", "terms", "needed"),
    [
        # 10 x price + 1.00: the market is at 100.00
        (OrderType.TRAIL, {"trail_amount": "3.00"}, "1031.00"),
        (OrderType.TRAIL, {"trail_percent": "5"}, "1051.00"),
        (OrderType.TRAIL_LIMIT, {"trail_amount": "3.00", "limit_offset": "0.50"}, "1036.00"),
        (OrderType.STP, {"stop_price": "90.00"}, "1001.00"),
        (OrderType.MIDPRICE, {}, "1001.00"),
    ],
)
def test_a_buy_needs_the_worst_that_it_may_cost(
    kind: OrderType, terms: dict[str, str], needed: str
) -> None:
    pit = Pit(cash={"USD": D(needed) - D("0.01")})
    with pytest.raises(ExchangeError, match=rf"needs {needed} USD"):
        place(pit, Side.BUY, kind, **terms)


def test_stops_sleep_outside_the_session_and_those_for_the_day_expire() -> None:
    pit = Pit(positions={IBM: (100, 90)}, start=BEFORE_THE_OPEN)
    terms: dict[str, Any] = {"con_id": IBM, "stop_price": "95.00"}
    day = place(pit, Side.SELL, OrderType.STP, **terms)
    gtc = place(pit, Side.SELL, OrderType.STP, time_in_force=TimeInForce.GTC, **terms)
    assert gtc.why_held == "market closed"
    pit.quote("90.00", "90.02", last="90.00", con_id=IBM)
    pit.quote("100.00", "100.02", last="100.00", con_id=IBM)
    pit.clock.advance(30 * 60)
    assert (now(pit, gtc).status, now(pit, gtc).why_held) == (OrderState.HELD, "trigger")
    pit.clock.advance(7 * 3600)
    assert now(pit, day).status is OrderState.EXPIRED
    pit.quote("90.00", "90.02", last="90.00", con_id=IBM)
    assert now(pit, gtc).status is OrderState.HELD
    pit.clock.advance(24 * 3600)
    assert now(pit, gtc).average_fill_price == D("90.00")
    assert pit.exchange.audit() == []


def test_a_stop_can_trigger_while_its_cancellation_is_on_its_way() -> None:
    pit = Pit(positions={SPY: (100, 90)}, latency=LatencyModel.fixed(1))
    order = place(pit, Side.SELL, OrderType.STP, stop_price="98.00")
    pit.clock.advance(1)
    assert pit.exchange.cancel(order.order_id).status is OrderState.PENDING_CANCEL
    pit.quote("97.00", "97.02", last="97.00")
    assert now(pit, order).status is OrderState.FILLED


def test_a_midprice_order_trades_in_the_middle_of_the_spread_within_its_cap() -> None:
    pit = Pit()
    pit.quote("99.90", "100.01")
    assert place(pit, Side.BUY, OrderType.MIDPRICE).average_fill_price == D("99.955")
    capped = place(pit, Side.BUY, OrderType.MIDPRICE, limit_price="99.90")
    assert capped.status is OrderState.WORKING
    pit.quote("99.80", None)
    assert now(pit, capped).status is OrderState.WORKING
    pit.quote("99.80", "99.90")
    assert now(pit, capped).average_fill_price == D("99.85")


def test_a_partly_filled_order_good_till_cancelled_goes_on_the_next_day() -> None:
    pit = Pit(partial_fills=True)
    pit.quote("99.99", "100.00", con_id=IBM, size=4)
    order = pit.buy(10, limit=100, con_id=IBM, time_in_force=TimeInForce.GTC)
    pit.clock.advance(24 * 3600)
    assert now(pit, order).status is OrderState.PARTIALLY_FILLED
    pit.quote("99.99", "100.00", con_id=IBM, size=6)
    assert now(pit, order).status is OrderState.FILLED


@pytest.mark.parametrize(
    ("kind", "terms", "complaint"),
    [
        (OrderType.STP, {}, "a STP order needs a stop price"),
        (OrderType.STP_LMT, {"stop_price": "1"}, "a STP LMT order needs a limit price"),
        (OrderType.MKT, {"stop_price": "1"}, "a MKT order has no stop price"),
        (OrderType.TRAIL, {}, "either an amount or a percentage"),
        (OrderType.TRAIL, {"trail_amount": "1", "trail_percent": "1"}, "either an amount"),
        (OrderType.TRAIL, {"trail_percent": "100"}, "cannot trail by 100 percent"),
        (OrderType.TRAIL, {"trail_amount": "-1"}, "a trail amount is positive, not -1"),
        (OrderType.TRAIL_LIMIT, {"trail_amount": "1"}, "needs a limit offset"),
        (OrderType.STP, {"stop_price": "1.001"}, "1.001 is not a multiple"),
    ],
)
def test_wrong_prices_are_refused_in_words(
    kind: OrderType, terms: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ExchangeError, match=complaint):
        place(holding(), Side.SELL, kind, **terms)
