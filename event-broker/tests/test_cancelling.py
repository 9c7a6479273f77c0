"""Cancelling an account's orders, against a scripted broker."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.account_process.cancelling import cancel_orders
from broker_connector_base import OrderStatus
from broker_connector_base.testing import (
    CANCEL_NEVER_CONFIRMED,
    FILL_BEATS_CANCEL,
    RESTS,
    Behaviour,
    Books,
    FakeBroker,
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
