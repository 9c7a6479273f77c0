"""Orders around the opening and the close. Regular hours on 2025-03-24 are 13:30 to 20:00 UTC."""

from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from simulated_exchange import (
    Instrument,
    OrderState,
    Reason,
    Side,
    TimeInForce,
    TradingHours,
    VirtualClock,
    load_scenario,
)
from simulated_exchange.testing import IBM, MONDAY_10_00, SPY, Pit, request

BEFORE_THE_OPEN = datetime(2025, 3, 24, 13, 0, tzinfo=UTC)
SIX_HOURS = 6 * 3600
#: from ten in the morning past the end of the day in New York
FIFTEEN_HOURS = 15 * 3600


def test_an_order_before_the_open_is_held_and_fills_at_the_open() -> None:
    pit = Pit(start=BEFORE_THE_OPEN)
    order = pit.buy(10, con_id=IBM)
    assert (order.status, order.why_held) == (OrderState.HELD, "market closed")
    pit.clock.advance(30 * 60 - 1)
    assert pit.exchange.order(order.order_id).status is OrderState.HELD
    pit.clock.advance(1)
    done = pit.exchange.order(order.order_id)
    assert (done.status, done.why_held) == (OrderState.FILLED, "")
    assert done.updated_at.isoformat() == "2025-03-24T13:30:00+00:00"


def test_a_held_order_is_rejected_at_the_open_when_the_money_is_gone() -> None:
    pit = Pit(start=BEFORE_THE_OPEN, cash={"USD": 1001})
    order = pit.buy(10, con_id=IBM)
    pit.quote("119.99", 120, con_id=IBM)
    pit.clock.advance(30 * 60)
    done = pit.exchange.order(order.order_id)
    assert (done.status, done.reject_reason) == (
        OrderState.REJECTED,
        Reason.INSUFFICIENT_FUNDS,
    )
    assert pit.exchange.audit() == []


def test_a_held_order_can_be_cancelled_and_changed() -> None:
    pit = Pit(start=BEFORE_THE_OPEN)
    dropped, changed = pit.buy(10, con_id=IBM), pit.buy(10, con_id=IBM, limit=100)
    assert pit.exchange.cancel(dropped.order_id).status is OrderState.CANCELLED
    pit.exchange.modify(changed.order_id, limit_price=changed.request.limit_price, quantity=None)
    pit.clock.advance(30 * 60)
    assert [order.order_id for order in pit.exchange.completed_orders()] == [
        dropped.order_id,
        changed.order_id,
    ]
    assert pit.held(IBM) == 10


def test_a_day_order_expires_at_the_close_and_a_gtc_order_trades_the_next_day() -> None:
    pit = Pit()
    day = pit.buy(10, con_id=IBM, limit=90)
    gtc = pit.buy(10, con_id=IBM, limit=90, time_in_force=TimeInForce.GTC)
    pit.clock.advance(SIX_HOURS)
    assert pit.exchange.order(day.order_id).status is OrderState.EXPIRED
    assert pit.exchange.order(gtc.order_id).status is OrderState.WORKING

    pit.quote("80.00", "80.01", con_id=IBM)
    assert pit.held(IBM) == 0
    pit.clock.advance(24 * 3600)
    assert pit.exchange.order(gtc.order_id).status is OrderState.FILLED
    # The open finds it marketable: it pays the ask, not its limit.
    assert str(pit.exchange.order(gtc.order_id).average_fill_price) == "80.01"
    assert pit.exchange.open_orders() == []


def test_a_day_order_on_an_instrument_that_never_closes_lasts_until_midnight_there() -> None:
    pit = Pit()
    day = pit.buy(10, limit=90)
    gtc = pit.buy(10, limit=90, time_in_force=TimeInForce.GTC)
    pit.clock.advance(14 * 3600 - 1)
    assert len(pit.exchange.open_orders()) == 2
    pit.clock.advance(1)
    expired = pit.exchange.order(day.order_id)
    assert expired.status is OrderState.EXPIRED
    assert expired.updated_at.isoformat() == "2025-03-25T04:00:00+00:00"
    pit.quote("89.00", "89.50")
    assert pit.exchange.order(gtc.order_id).status is OrderState.FILLED


def test_only_an_order_that_asks_for_it_trades_outside_regular_hours() -> None:
    extended = TradingHours(zone="America/New_York", opens=time(4), closes=time(20))
    instrument = Instrument(
        con_id=SPY,
        symbol="SPY",
        trading_hours=extended,
        liquid_hours=TradingHours.us_regular(),
    )
    pit = Pit(start=BEFORE_THE_OPEN, instruments=(instrument,))
    assert pit.buy(10, limit=100).status is OrderState.HELD
    assert pit.buy(10, limit=100, outside_rth=True).status is OrderState.FILLED
    # At any price nothing trades before the open.
    assert pit.buy(10, outside_rth=True).status is OrderState.HELD


def test_a_day_order_of_a_half_day_expires_when_that_closes(tmp_path: Path) -> None:
    path = tmp_path / "half.yaml"
    path.write_text(
        "hours: {zone: America/New_York, opens: '09:30', closes: '16:00', "
        "half_days: {2025-03-24: '13:00'}}\n"
        "instruments: [{con_id: 101, symbol: SPY, quote: {bid: 99.99, ask: 100.00}}]\n"
        "accounts: {DU1: {cash: {USD: 10000}}}"
    )
    clock = VirtualClock(MONDAY_10_00)
    exchange = load_scenario(path).build(clock)
    order = exchange.submit(request(Side.BUY, 10, 90))
    clock.advance(3 * 3600 - 1)
    assert exchange.order(order.order_id).status is OrderState.WORKING
    clock.advance(1)
    assert exchange.order(order.order_id).status is OrderState.EXPIRED


@pytest.mark.parametrize("limit", [None, 90])
def test_an_order_that_is_done_leaves_nothing_on_the_agenda(limit: int | None) -> None:
    pit = Pit(start=BEFORE_THE_OPEN)
    order = pit.buy(10, con_id=IBM, limit=limit)
    pit.exchange.cancel(order.order_id)
    pit.events.clear()
    pit.clock.advance(FIFTEEN_HOURS)
    assert pit.events == []
    assert pit.exchange.save()["books"]["agenda"]["entries"] == {}


def test_an_instrument_that_never_opens_again_holds_its_orders_until_they_are_cancelled() -> None:
    closed = tuple(datetime.fromordinal(MONDAY_10_00.toordinal() + n).date() for n in range(400))
    never = TradingHours(zone="UTC", closed_on=closed)
    pit = Pit(
        instruments=(Instrument(con_id=SPY, symbol="SPY", trading_hours=never, liquid_hours=never),)
    )
    order = pit.buy(1)
    pit.clock.advance(FIFTEEN_HOURS)
    assert pit.exchange.order(order.order_id).status is OrderState.HELD
    assert pit.exchange.cancel(order.order_id).status is OrderState.CANCELLED
