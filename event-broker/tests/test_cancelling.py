"""Cancelling an account's orders, against a scripted broker."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.account_process.cancelling import cancel_orders
from broker_connector_base import BrokerAPIError, OrderStatus
from broker_connector_base.testing import (
    CANCEL_NEVER_CONFIRMED,
    FILL_BEATS_CANCEL,
    RESTS,
    Behaviour,
    Books,
    FakeBroker,
    Fault,
    OnCancel,
    Reject,
)

ACCOUNT = "DU1"


@pytest.fixture
def books() -> Books:
    books = Books()
    books.add_account(ACCOUNT, cash=100_000)
    for symbol in ("AAA", "BBB"):
        books.add_instrument(symbol, bid="99.99", ask="100.01")
    return books


async def working(books: Books, **behaviours: Behaviour) -> FakeBroker:
    """A session with one resting order per symbol."""
    broker = FakeBroker(books, client_id=7)
    await broker.connect()
    for symbol, behaviour in behaviours.items():
        books.script(symbol, behaviour)
        await broker.place_order(ACCOUNT, symbol, 10, "LIMIT", Decimal(90))
    return broker


async def test_own_orders_are_cancelled_and_confirmed(books: Books) -> None:
    broker = await working(books, AAA=RESTS, BBB=RESTS)
    report = await cancel_orders(broker, ACCOUNT)
    assert sorted(order.symbol for order in report.ended) == ["AAA", "BBB"]
    assert report.is_clear
    assert {order.status for order in books.orders} == {OrderStatus.CANCELLED}


async def test_an_account_without_orders_is_clear(books: Books) -> None:
    report = await cancel_orders(await working(books), ACCOUNT)
    assert report.is_clear
    assert report.ended == ()


async def test_orders_of_others_are_reported_and_left_alone(books: Books) -> None:
    broker = await working(books, AAA=RESTS)
    foreign = books.place_foreign_order(ACCOUNT, "BBB", 5, limit_price=90)
    report = await cancel_orders(broker, ACCOUNT)
    assert [order.symbol for order in report.ended] == ["AAA"]
    assert [order.symbol for order in report.foreign] == ["BBB"]
    assert not report.is_clear
    assert foreign.status is OrderStatus.WORKING


async def test_a_fill_that_beats_the_cancellation_is_told(books: Books) -> None:
    broker = await working(books, AAA=FILL_BEATS_CANCEL)
    report = await cancel_orders(broker, ACCOUNT)
    assert [order.symbol for order in report.ended] == ["AAA"]
    assert [(fill.symbol, fill.quantity) for fill in report.fills] == [("AAA", Decimal(10))]


async def test_an_order_that_goes_on_working_is_told(books: Books) -> None:
    broker = await working(books, AAA=CANCEL_NEVER_CONFIRMED, BBB=RESTS)
    report = await cancel_orders(broker, ACCOUNT, timeout_seconds=0.05)
    assert [order.symbol for order in report.still_working] == ["AAA"]
    assert [order.symbol for order in report.ended] == ["BBB"]


async def test_a_refused_cancellation_is_not_waited_for(books: Books) -> None:
    broker = await working(books, AAA=Behaviour(fills=0, on_cancel=Reject(code="10147")))
    report = await cancel_orders(broker, ACCOUNT)
    assert [order.symbol for order in report.still_working] == ["AAA"]


async def test_only_what_filled_since_the_list_is_told(books: Books) -> None:
    broker = await working(books, BBB=RESTS)
    books.script("AAA", Behaviour(fills=4, on_cancel=OnCancel.FILL_FIRST))
    await broker.place_order(ACCOUNT, "AAA", 10, "LIMIT", Decimal(110))
    books.fill(books.place_foreign_order(ACCOUNT, "AAA", 3))
    report = await cancel_orders(broker, ACCOUNT)
    assert {order.symbol: order.filled_quantity for order in report.ended} == {"AAA": 4, "BBB": 0}
    assert [(fill.symbol, fill.quantity) for fill in report.fills] == [("AAA", Decimal(6))]


async def test_orders_are_cancelled_even_if_the_broker_cannot_tell_executions(books: Books) -> None:
    broker = await working(books, AAA=RESTS)
    books.faults.append(Fault(method="get_executions", error=BrokerAPIError("makes no sense")))
    report = await cancel_orders(broker, ACCOUNT)
    assert report.is_clear
    assert report.fills_unknown == "makes no sense"
    assert {order.status for order in books.orders} == {OrderStatus.CANCELLED}
