"""What a test may script for orders, and what the fake then does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from broker_connector_base import (
    OrderExecutionError,
    OrderStatus,
    QuoteQuality,
)
from broker_connector_base.testing import (
    CANCEL_NEVER_CONFIRMED,
    COMMISSION_UNTOLD,
    REJECTED,
    RESTS,
    Behaviour,
    Books,
    EventLog,
    FakeBroker,
    Reject,
    fills_partly,
)

ACCOUNT = "DU1"


async def test_behaviours_are_used_up_in_order_and_the_last_one_stays(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", fills_partly(2), RESTS)
    for _ in range(3):
        await broker.place_order(ACCOUNT, "NEW", 5)
    assert [order.filled for order in books.orders] == [2, 0, 0]


async def test_a_fill_can_come_later(books: Books, broker: FakeBroker) -> None:
    books.script("NEW", Behaviour(delay=30))
    placed = await broker.place_order(ACCOUNT, "NEW", 5)
    await asyncio.sleep(29)
    assert await broker.get_order_status(placed.order_id) is OrderStatus.WORKING
    await asyncio.sleep(2)
    assert await broker.get_order_status(placed.order_id) is OrderStatus.FILLED


async def test_a_test_fills_on_demand_and_books_follow(books: Books, broker: FakeBroker) -> None:
    books.script("NEW", RESTS)
    await broker.place_order(ACCOUNT, "NEW", 5)
    (order,) = books.orders
    books.fill(order, 2)
    books.fill(order, 3, price="101")
    account = books.accounts[ACCOUNT]
    assert account.shares["NEW"] == 5
    # 10,000 less 2 x 100.01, less 3 x 101, less a dollar for each of the two executions.
    assert account.cash == Decimal("9494.98")
    assert order.average_price == Decimal("100.604")
    with pytest.raises(ValueError, match="cannot fill 1 of 0"):
        books.fill(order, 1)


async def test_a_resting_limit_fills_when_the_quote_reaches_it(
    books: Books, broker: FakeBroker
) -> None:
    await broker.place_order(ACCOUNT, "NEW", 5, "LIMIT", Decimal(99))
    await broker.place_order(ACCOUNT, "OLD", -5, "LIMIT", Decimal(51))
    books.set_quote("NEW", bid=98, ask=99)
    books.set_quote("OLD", bid=52, ask=53)
    assert [(e.symbol, e.price) for e in books.executions] == [
        ("NEW", Decimal(99)),
        ("OLD", Decimal(52)),
    ]


async def test_a_halted_or_unquoted_symbol_does_not_trade(books: Books, broker: FakeBroker) -> None:
    books.set_quote("NEW", bid=99, ask=100, halted=True, quality=QuoteQuality.DELAYED)
    books.add_instrument("DARK")
    await broker.place_order(ACCOUNT, "NEW", 5)
    await broker.place_order(ACCOUNT, "DARK", 5)
    quotes = await broker.get_multiple_market_prices(["NEW", "DARK"])
    assert books.executions == []
    assert (quotes[0].halted, quotes[0].quality) == (True, QuoteQuality.DELAYED)
    assert (quotes[1].bid, quotes[1].ask, quotes[1].last) == (None, None, None)
    with pytest.raises(ValueError, match="no price for DARK"):
        books.fill(books.orders[1])


async def test_an_immediate_or_cancel_order_does_not_rest(books: Books, broker: FakeBroker) -> None:
    books.script("NEW", fills_partly(2))
    placed = await broker.place_order(ACCOUNT, "NEW", 5, time_in_force="IOC")
    assert (placed.status, placed.filled_quantity) == (OrderStatus.CANCELLED, Decimal(2))


async def test_a_cancellation_may_never_be_confirmed_until_the_test_says_so(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", CANCEL_NEVER_CONFIRMED)
    placed = await broker.place_order(ACCOUNT, "NEW", 5)
    await broker.cancel_order(placed.order_id)
    await asyncio.sleep(3600)
    (listed,) = await broker.get_open_orders(ACCOUNT)
    assert listed.status is OrderStatus.CANCELLING
    books.end(books.orders[0], OrderStatus.CANCELLED)
    assert await broker.get_open_orders(ACCOUNT) == []


async def test_a_refused_cancellation_leaves_the_order_working(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", replace(RESTS, on_cancel=Reject(code="161", text="not cancellable")))
    async with broker.order_events(ACCOUNT) as events:
        placed = await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="k")
        await broker.cancel_order(placed.order_id)
        log = EventLog(events, 5)
        await log.until(lambda: any(u.code == "161" for u in log.updates("k")), "code 161")
    assert (log.updates("k")[-1].status, log.updates("k")[-1].code) == (OrderStatus.WORKING, "161")


async def test_a_cancellation_of_a_finished_order_is_answered_with_its_state(
    books: Books, broker: FakeBroker
) -> None:
    placed = await broker.place_order(ACCOUNT, "NEW", 5)
    await broker.cancel_order(placed.order_id)
    await asyncio.sleep(1)
    assert (books.orders[0].status, books.orders[0].code) == (OrderStatus.FILLED, "10148")


async def test_a_late_commission_is_told_with_the_same_execution(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", COMMISSION_UNTOLD)
    async with broker.order_events(ACCOUNT) as events:
        await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="k")
        log = EventLog(events, 5)
        await log.until_filled("k", 5)
        assert log.fills("k")[0].commission is None
        books.report_commissions()
        await log.until_charged("k")
    assert [fill.commission for fill in log.fills("k")] == [1]
    assert [fill.commission for fill in await broker.get_executions(ACCOUNT)] == [1]


async def test_a_corrected_execution_replaces_the_first_report(
    books: Books, broker: FakeBroker
) -> None:
    await broker.place_order(ACCOUNT, "NEW", 5)
    books.correct_execution("E1", price="100.00")
    (execution,) = await broker.get_executions(ACCOUNT)
    assert (execution.execution_id, execution.price) == ("E1", Decimal(100))
    assert books.accounts[ACCOUNT].cash == 10_000 - 500 - 1


@pytest.mark.parametrize(
    ("quantity", "order_type", "price"),
    [(0, "MARKET", None), (5, "STOP", None), (5, "LIMIT", None), (5, "MARKET", Decimal(1))],
)
async def test_an_order_that_makes_no_sense_is_not_sent(
    books: Books, broker: FakeBroker, quantity: int, order_type: str, price: Decimal | None
) -> None:
    with pytest.raises(OrderExecutionError, match="nothing was sent"):
        await broker.place_order(ACCOUNT, "NEW", quantity, order_type, price)
    assert books.orders == []


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [(5, Decimal("99.999"), "110"), (Decimal("0.5"), Decimal(99), "10243")],
)
async def test_the_broker_refuses_a_price_off_tick_and_a_part_of_a_lot(
    broker: FakeBroker, quantity: Decimal, price: Decimal, code: str
) -> None:
    with pytest.raises(OrderExecutionError) as refusal:
        await broker.place_order(ACCOUNT, "NEW", quantity, "LIMIT", price)
    assert refusal.value.code == code


async def test_a_rejected_order_is_in_the_books_and_can_be_found(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", REJECTED)
    with pytest.raises(OrderExecutionError, match="rejected by script"):
        await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="k")
    found = await broker.find_order(ACCOUNT, "k")
    assert found is not None
    assert found.status is OrderStatus.REJECTED
