"""Cancelling and modifying, with and without latency."""

from collections.abc import Callable
from decimal import Decimal as D

import pytest

from simulated_exchange import (
    ChangeRefused,
    ExchangeError,
    FillPolicy,
    LatencyModel,
    Order,
    OrderState,
    OrderType,
    Reason,
    Side,
)
from simulated_exchange.testing import IBM, SPY, Pit, request


def test_cancelling_a_working_order_ends_it_and_frees_what_it_held() -> None:
    pit = Pit(cash={"USD": 1000})
    order = pit.buy(9, limit=99)
    with pytest.raises(ExchangeError):
        pit.buy(9, limit=99)
    assert pit.exchange.cancel(order.order_id).status is OrderState.CANCELLED
    assert pit.buy(9, limit=99).status is OrderState.WORKING


def test_a_fill_can_beat_a_cancellation_that_is_on_its_way() -> None:
    pit = Pit(latency=LatencyModel.fixed(1))
    order = pit.buy(10, limit=99)
    assert order.status is OrderState.PENDING
    pit.clock.advance(1)
    assert pit.exchange.cancel(order.order_id).status is OrderState.PENDING_CANCEL
    pit.clock.advance(0.5)
    pit.quote("98.00", "98.50")
    pit.clock.advance(5)
    assert pit.exchange.order(order.order_id).status is OrderState.FILLED
    assert pit.exchange.audit() == []


def test_a_partial_fill_does_not_stop_a_cancellation() -> None:
    pit = Pit(latency=LatencyModel.fixed(1), partial_fills=True)
    order = pit.buy(10, limit=99)
    pit.clock.advance(1)
    pit.exchange.cancel(order.order_id)
    pit.quote("98.00", "98.50", size=4)
    half = pit.exchange.order(order.order_id)
    assert (half.status, half.filled) == (OrderState.PENDING_CANCEL, D(4))
    pit.clock.advance(1)
    done = pit.exchange.order(order.order_id)
    assert (done.status, done.filled) == (OrderState.CANCELLED, D(4))


def test_an_order_cancelled_before_it_arrives_may_still_fill_on_arrival() -> None:
    pit = Pit(latency=LatencyModel.fixed(1))
    filled, dropped = pit.buy(10), pit.buy(10, limit=99)
    pit.clock.advance(0.5)
    pit.exchange.cancel(filled.order_id)
    pit.exchange.cancel(dropped.order_id)
    pit.exchange.cancel(dropped.order_id)  # asking twice is harmless
    pit.clock.advance(0.5)
    assert pit.exchange.order(filled.order_id).status is OrderState.FILLED
    assert pit.exchange.order(dropped.order_id).status is OrderState.PENDING_CANCEL
    pit.clock.advance(0.5)
    assert pit.exchange.order(dropped.order_id).status is OrderState.CANCELLED


def test_requests_arrive_in_the_order_they_were_sent_however_the_delays_fall() -> None:
    pit = Pit(latency=LatencyModel(low=0.001, high=1.0), seed=5)
    orders = [pit.buy(1) for _ in range(20)]
    pit.clock.advance(2)
    fills = pit.exchange.executions()
    assert [fill.order_id for fill in fills] == [order.order_id for order in orders]
    delays = {fill.at for fill in fills}
    assert 1 < len(delays) <= 20


def test_a_modified_limit_that_reaches_the_market_fills_at_the_market() -> None:
    pit = Pit()
    order = pit.buy(10, limit=99)
    changed = pit.exchange.modify(order.order_id, limit_price=D(101))
    assert (changed.status, changed.average_fill_price) == (OrderState.FILLED, D(100))
    assert changed.request.limit_price == 101


@pytest.mark.parametrize(
    ("quantity", "price", "first"),
    [(5, 98, "changed"), (15, 98, "other"), (10, 97, "other")],
    ids=["a smaller quantity keeps its place", "a larger one loses it", "a new price loses it"],
)
def test_time_priority_after_a_change(quantity: int, price: int, first: str) -> None:
    pit = Pit(partial_fills=True)
    changed, other = pit.buy(10, limit=98), pit.buy(10, limit=min(price, 98))
    pit.exchange.modify(changed.order_id, quantity=D(quantity), limit_price=D(price))
    pit.quote(96, "96.50", size=1)
    (fill,) = pit.exchange.executions()
    assert fill.order_id == {"changed": changed, "other": other}[first].order_id


def test_a_modification_that_comes_too_late_is_refused_and_the_order_goes_on() -> None:
    pit = Pit(latency=LatencyModel.fixed(1), partial_fills=True)
    outgrown, ended = pit.buy(10, limit=99), pit.buy(10, limit=98)
    pit.clock.advance(1)
    pit.exchange.modify(outgrown.order_id, quantity=D(5))
    pit.exchange.modify(ended.order_id, quantity=D(5))
    pit.quote("97.00", "97.50", size=18)
    pit.clock.advance(1)
    assert pit.exchange.order(outgrown.order_id).filled == 10
    kept = pit.exchange.order(ended.order_id)
    assert (kept.status, kept.filled, kept.request.quantity) == (
        OrderState.PARTIALLY_FILLED,
        D(8),
        D(10),
    )
    # What has ended was told; the other is told of.
    (refused,) = [event for event in pit.events if isinstance(event, ChangeRefused)]
    assert (refused.order, refused.reason) == (kept, Reason.BAD_QUANTITY)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"quantity": D(0)}, Reason.BAD_QUANTITY),
        ({"quantity": D("1.5")}, Reason.BAD_QUANTITY),
        ({"quantity": D(3)}, Reason.BAD_QUANTITY),  # as much has filled
        ({"limit_price": D("98.005")}, Reason.OFF_TICK),
        ({"quantity": D(100_000)}, Reason.INSUFFICIENT_FUNDS),
    ],
)
def test_a_wrong_modification_is_refused_and_changes_nothing(
    terms: dict[str, D], reason: Reason
) -> None:
    pit = Pit(partial_fills=True)
    pit.quote("99.99", 100, size=3)
    order = pit.buy(10, limit=100)
    with pytest.raises(ExchangeError) as refused:
        pit.exchange.modify(order.order_id, **terms)
    assert refused.value.reason is reason
    assert pit.exchange.order(order.order_id) == order


def test_what_is_done_can_be_neither_cancelled_nor_modified() -> None:
    pit = Pit(latency=LatencyModel.fixed(1))
    order, leaving = pit.buy(10), pit.buy(10, limit=90)
    pit.clock.advance(1)
    pit.exchange.cancel(leaving.order_id)
    cancel, modify = pit.exchange.cancel, pit.exchange.modify
    attempts: list[tuple[Callable[[int], Order], int, Reason]] = [
        (cancel, order.order_id, Reason.NOT_CANCELLABLE),
        (modify, order.order_id, Reason.NOT_MODIFIABLE),
        (modify, leaving.order_id, Reason.NOT_MODIFIABLE),
        (cancel, 99, Reason.UNKNOWN_ORDER),
    ]
    for attempt, order_id, reason in attempts:
        with pytest.raises(ExchangeError) as refused:
            attempt(order_id)
        assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (request(Side.BUY, 1, account_id="DU9"), Reason.UNKNOWN_ACCOUNT),
        (request(Side.BUY, 1, con_id=9), Reason.UNKNOWN_INSTRUMENT),
        (request(Side.BUY, 0), Reason.BAD_QUANTITY),
        (request(Side.BUY, -1), Reason.BAD_QUANTITY),
        (request(Side.BUY, "0.5"), Reason.BAD_QUANTITY),
        (request(Side.BUY, "NaN"), Reason.BAD_QUANTITY),
        (request(Side.BUY, 1, 0), Reason.BAD_PRICE),
        (request(Side.BUY, 1, "Infinity"), Reason.BAD_PRICE),
        (request(Side.BUY, 1, order_type=OrderType.LMT), Reason.BAD_PRICE),
        (request(Side.BUY, 1, 100, order_type=OrderType.MKT), Reason.BAD_PRICE),
        (request(Side.BUY, 1, "99.995"), Reason.OFF_TICK),
        (request(Side.SELL, 1), Reason.NO_SHORT),
        # 1000 x 100.00 is exactly the cash; the commission of 5.00 is too much.
        (request(Side.BUY, 1000), Reason.INSUFFICIENT_FUNDS),
    ],
)
def test_a_wrong_order_is_refused_with_its_reason_and_leaves_no_trace(
    wrong: object, reason: Reason
) -> None:
    pit = Pit()
    before = pit.exchange.save()
    with pytest.raises(ExchangeError) as refused:
        pit.exchange.submit(wrong)  # type: ignore[arg-type]
    assert refused.value.reason is reason
    assert str(refused.value).startswith(f"{reason}: ")
    assert pit.exchange.save() == before
    assert pit.events == []


def test_a_market_order_needs_some_price_to_be_valued_with() -> None:
    pit = Pit()
    pit.quote(None, None)
    with pytest.raises(ExchangeError) as refused:
        pit.buy(1)
    assert refused.value.reason is Reason.NO_PRICE
    pit.quote(None, None, last=100)
    assert pit.buy(1).status is OrderState.WORKING


def test_live_orders_count_against_shares_and_cash() -> None:
    pit = Pit(cash={"USD": 1500}, positions={SPY: (10, 90)})
    pit.sell(6, limit=110)
    with pytest.raises(ExchangeError, match="NO_SHORT"):
        pit.sell(5, limit=110)
    pit.sell(4, limit=110)
    pit.buy(10, limit=99)
    # 1500 - 990 - 1 leaves 509; 10 x 51 + 1 are 511.
    with pytest.raises(ExchangeError, match="INSUFFICIENT_FUNDS"):
        pit.buy(10, limit=51, con_id=IBM)
    assert pit.exchange.audit() == []


def test_a_modification_that_cannot_be_valued_when_it_arrives_is_refused() -> None:
    pit = Pit(latency=LatencyModel.fixed(1), cash={"USD": 2003})
    pit.exchange.fill_policy = FillPolicy.never()
    order = pit.buy(10)
    pit.clock.advance(1)
    pit.exchange.modify(order.order_id, quantity=D(12))
    pit.quote(None, None)
    pit.clock.advance(1)
    assert pit.exchange.order(order.order_id).request.quantity == 10
    # 10 x 100.00 + 1.00 are still held, which leaves 1002.00
    with pytest.raises(ExchangeError, match=r"has 1002\.00 USD free"):
        pit.buy(20, limit=60)
    assert pit.exchange.audit() == []


def test_of_two_modifications_on_their_way_only_the_first_gets_the_last_shares() -> None:
    pit = Pit(latency=LatencyModel.fixed(1), positions={SPY: (15, 90)})
    first, second = pit.sell(5, limit=110), pit.sell(5, limit=110)
    pit.clock.advance(1)
    pit.exchange.modify(first.order_id, quantity=D(10))
    pit.exchange.modify(second.order_id, quantity=D(10))
    pit.clock.advance(1)
    quantities = [order.request.quantity for order in pit.exchange.open_orders()]
    assert quantities == [10, 5]
    (refused,) = [event for event in pit.events if isinstance(event, ChangeRefused)]
    assert (refused.order.order_id, refused.reason) == (second.order_id, Reason.NO_SHORT)
    pit.quote(120, 121)
    assert pit.held() == 0
    assert pit.exchange.audit() == []
