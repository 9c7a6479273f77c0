"""What a test may script for accounts, sessions and lost answers, and what the fake then does."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base import (
    AccountDataError,
    AccountPosition,
    BrokerConnectionError,
    Connectivity,
    ConnectivityChange,
    OrderOutcomeUnknown,
    OrderStatus,
)
from broker_connector_base.testing import (
    ACKNOWLEDGEMENT_LOST,
    FILLS,
    RESTS,
    SWALLOWED,
    Books,
    EventLog,
    FakeBroker,
    Fault,
)

ACCOUNT = "DU1"


async def test_a_swallowed_order_is_in_doubt_after_the_timeout_and_never_was(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", SWALLOWED, FILLS)
    sent_at = books.now()
    with pytest.raises(OrderOutcomeUnknown, match="10 s"):
        await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="k")
    assert (books.now() - sent_at).total_seconds() == 10
    assert books.orders == []
    assert await broker.find_order(ACCOUNT, "k") is None
    with pytest.raises(OrderOutcomeUnknown, match="nothing was sent now"):
        await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="k")


async def test_an_order_with_a_lost_acknowledgement_trades(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", ACKNOWLEDGEMENT_LOST)
    async with broker.order_events(ACCOUNT) as events:
        with pytest.raises(OrderOutcomeUnknown):
            await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="k")
        await EventLog(events, 5).until_filled("k", 5)
    assert books.accounts[ACCOUNT].shares["NEW"] == 5


async def test_a_session_that_ends_ends_the_wait_for_an_acknowledgement(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", ACKNOWLEDGEMENT_LOST)
    asyncio.get_running_loop().call_later(3, books.drop)
    sent_at = books.now()
    with pytest.raises(OrderOutcomeUnknown, match="session was lost after sending"):
        await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="k")
    assert (books.now() - sent_at).total_seconds() == 3


async def test_a_key_means_nothing_to_the_next_session(books: Books, broker: FakeBroker) -> None:
    await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="k")
    await broker.disconnect()
    heir = FakeBroker(books)
    await heir.connect()
    await heir.place_order(ACCOUNT, "NEW", 5, client_order_id="k")
    assert books.accounts[ACCOUNT].shares["NEW"] == 10


async def test_a_lagging_snapshot_shows_the_account_before_the_fill(
    books: Books, broker: FakeBroker
) -> None:
    books.snapshot_lag = 2
    await broker.place_order(ACCOUNT, "NEW", 5)
    await broker.place_order(ACCOUNT, "NEW", 5)
    cash = [(await broker.get_account_snapshot(ACCOUNT)).cash_balance for _ in range(3)]
    assert cash == [10_000, 10_000, Decimal("8997.90")]


async def test_net_liquidation_is_cash_and_marked_positions_unless_the_test_says_otherwise(
    books: Books, broker: FakeBroker
) -> None:
    option = AccountPosition(
        symbol="OPT", quantity=Decimal(1), market_value=Decimal(250), security_type="OPT"
    )
    account = books.accounts[ACCOUNT]
    account.other_positions = (option,)
    assert (await broker.get_account_snapshot(ACCOUNT)).total_value == 10_750
    account.reported_total = Decimal(0)
    assert (await broker.get_account_snapshot(ACCOUNT)).total_value == 0


async def test_a_new_day_expires_day_orders_and_forgets_what_ended(
    books: Books, broker: FakeBroker
) -> None:
    await broker.place_order(ACCOUNT, "NEW", 5, client_order_id="done")
    await broker.place_order(ACCOUNT, "NEW", 5, "LIMIT", Decimal(9), client_order_id="day")
    await broker.place_order(
        ACCOUNT, "NEW", 5, "LIMIT", Decimal(9), client_order_id="gtc", time_in_force="GTC"
    )
    books.begin_trading_day()
    keys = [order.client_order_id for order in await broker.get_open_orders(ACCOUNT)]
    assert keys == ["gtc"]
    assert await broker.find_order(ACCOUNT, "done") is None
    assert await broker.find_order(ACCOUNT, "gtc") is not None
    assert await broker.get_executions(ACCOUNT) == []
    assert books.orders[1].status is OrderStatus.EXPIRED


async def test_connectivity_is_told_to_every_session(books: Books, broker: FakeBroker) -> None:
    async with broker.order_events(ACCOUNT) as events:
        books.report_connectivity(Connectivity.LOST)
        assert await anext(events) == ConnectivityChange(state=Connectivity.LOST)


async def test_a_subscription_during_an_outage_begins_with_it(
    books: Books, broker: FakeBroker
) -> None:
    books.report_connectivity(Connectivity.LOST)
    books.drop()
    await broker.connect()
    async with broker.order_events(ACCOUNT) as events:
        assert await anext(events) == ConnectivityChange(state=Connectivity.LOST)
        books.report_connectivity(Connectivity.RESTORED)
        assert await anext(events) == ConnectivityChange(state=Connectivity.RESTORED)
    async with broker.order_events(ACCOUNT) as events:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 1)


async def test_nobody_can_log_in_to_an_unreachable_broker(books: Books) -> None:
    books.reachable = False
    with pytest.raises(BrokerConnectionError, match="cannot be reached"):
        await FakeBroker(books).connect()


@pytest.mark.parametrize("after_sending", [False, True])
async def test_a_fault_ends_the_session_at_its_call(
    books: Books, broker: FakeBroker, after_sending: bool
) -> None:
    books.faults.append(Fault(call=3, after_sending=after_sending))
    await broker.get_accounts()
    await broker.get_accounts()
    expected = OrderOutcomeUnknown if after_sending else BrokerConnectionError
    with pytest.raises(expected):
        await broker.place_order(ACCOUNT, "NEW", 5)
    assert len(books.orders) == after_sending
    assert not broker.is_connected()
    assert books.faults == []
    assert await broker.connect()


async def test_a_fault_waits_for_its_method_and_may_raise_anything(
    books: Books, broker: FakeBroker
) -> None:
    missing = AccountDataError("net liquidation is missing")
    books.faults.append(Fault(call=2, method="get_account_snapshot", error=missing))
    await broker.get_account_snapshot(ACCOUNT)
    await broker.get_accounts()
    with pytest.raises(AccountDataError):
        await broker.get_account_snapshot(ACCOUNT)
    assert broker.is_connected()


async def test_a_session_lost_between_question_and_answer_is_told(
    books: Books, broker: FakeBroker
) -> None:
    question = asyncio.create_task(broker.get_accounts())
    asyncio.get_running_loop().call_soon(books.drop, 1)
    with pytest.raises(BrokerConnectionError, match="before get_accounts was answered"):
        await question


async def test_a_login_can_fail_once(books: Books) -> None:
    books.faults.append(Fault(method="connect"))
    broker = FakeBroker(books)
    with pytest.raises(BrokerConnectionError, match="cannot be reached"):
        await broker.connect()
    assert await broker.connect()


async def test_a_cancellation_can_arrive_though_the_session_was_lost(
    books: Books, broker: FakeBroker
) -> None:
    books.script("NEW", RESTS)
    placed = await broker.place_order(ACCOUNT, "NEW", 5)
    books.faults.append(Fault(method="cancel_order", after_sending=True))
    with pytest.raises(BrokerConnectionError):
        await broker.cancel_order(placed.order_id)
    await asyncio.sleep(0)
    assert books.orders[0].status is OrderStatus.CANCELLED
