"""What is known of an order when executions are corrected or lost."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from broker_connector_base import Fill, OrderStatus, OrderUpdate
from broker_connector_base.testing import Books, FakeBroker
from rebalance_calculator import CommissionModel
from rebalance_workflow.journal import OrderIntent, Phase
from rebalance_workflow.orders import Order
from rebalance_workflow.session import Session
from rebalance_workflow.settling import settled_snapshot

KEY = "rb:run:DU1:AAA:B:1"
AT = datetime(2026, 11, 20, 17, tzinfo=UTC)


def order() -> Order:
    return Order(
        OrderIntent(
            run_id="run",
            account_id="DU1",
            at=AT,
            client_order_id=KEY,
            symbol="AAA",
            quantity=Decimal(5),
            held_before=Decimal(0),
            order_type="MARKET",
            time_in_force="DAY",
            phase=Phase.BUY,
            round=1,
        )
    )


def fill(quantity: int) -> Fill:
    return Fill(
        execution_id="E1",
        order_id="1",
        client_order_id=KEY,
        account_id="DU1",
        symbol="AAA",
        quantity=quantity,
        price=100,
        at=AT,
    )


def test_an_order_whose_only_execution_was_taken_back_has_no_average_price() -> None:
    bust = order()
    bust.see_fill(fill(5))
    assert bust.average_price == 100
    bust.see_fill(fill(0))
    assert bust.average_price is None


def test_shares_that_only_the_order_status_tells_of_are_filled_without_a_price() -> None:
    untold = order()
    untold.see_update(
        OrderUpdate(
            order_id="1",
            client_order_id=KEY,
            permanent_id="9",
            symbol="AAA",
            status=OrderStatus.FILLED,
            filled_quantity=5,
            remaining_quantity=0,
        )
    )
    assert untold.filled == 5
    assert untold.average_price is None


async def test_an_execution_whose_report_was_lost_is_asked_for_while_the_account_settles() -> None:
    books = Books(now=lambda: AT)
    books.add_account("DU1", cash=10_000)
    books.add_instrument("AAA", bid=99, ask=100)
    broker = FakeBroker(books)
    await broker.connect()
    before = await broker.get_account_snapshot("DU1")
    books.fill(books.place_foreign_order("DU1", "AAA", 5, client_order_id=KEY))
    heard: list[Fill] = []

    async def look_again() -> None:
        heard[:] = await broker.get_executions("DU1")

    settled = await settled_snapshot(
        Session(broker, reconnect_timeout_seconds=60),
        before,
        lambda: heard,
        commission=CommissionModel(),
        timeout_seconds=30,
        look_again=look_again,
    )
    assert settled.positions_match
