"""What the next run finds out about orders that an earlier one left open."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from broker_connector_base import Attention, Claim, OrderResult, OrderStatus, RunStatus
from broker_connector_base.testing import Books, FakeBroker, LoopClock
from rebalance_workflow import MemoryJournal, RebalancePolicy, RebalanceStopped
from rebalance_workflow.fate import find_fate
from rebalance_workflow.journal import OrderIntent, OrderOutcome, Phase, Record, RunFinished
from rebalance_workflow.recovery import describe_unfilled, recover, untold_trades
from rebalance_workflow.session import Session
from rebalance_workflow.testing.journal_contract import AT, intent, outcome

KEY = "rb:old:DU1:AAA:B:1"


class Scene:
    """A broker with one account, and the intent of a run that is long dead."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.books = Books(now=self.clock.now)
        self.books.add_account("DU1", cash=10_000)
        self.books.add_instrument("AAA", bid=99, ask=100)
        self.broker = FakeBroker(self.books)
        self.session = Session(self.broker, reconnect_timeout_seconds=60)
        self.journal = MemoryJournal()
        self.intent = OrderIntent(
            run_id="old",
            account_id="DU1",
            at=self.clock.now(),
            client_order_id=KEY,
            symbol="AAA",
            quantity=Decimal(5),
            held_before=Decimal(0),
            order_type="MARKET",
            time_in_force="DAY",
            phase=Phase.BUY,
            round=1,
        )
        self.journal.append(self.intent)

    async def recover(self) -> OrderStatus:
        await self.broker.connect()
        [outcome] = await recover(
            self.session, [self.intent], self.journal, RebalancePolicy(), self.clock
        )
        return outcome.status


@pytest.fixture
async def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.EXPIRED])
async def test_an_order_that_has_ended_is_closed(scene: Scene, status: OrderStatus) -> None:
    order = scene.books.place_foreign_order("DU1", "AAA", 5, client_order_id=KEY)
    scene.books.fill(order, 2)
    scene.books.end(order, status)
    assert await scene.recover() is status
    assert scene.journal.unfinished("DU1") == []


async def test_an_order_that_the_broker_never_saw_is_closed(scene: Scene) -> None:
    assert await scene.recover() is OrderStatus.NOT_FOUND
    assert scene.journal.unfinished("DU1") == []


async def test_an_order_that_arrives_late_is_not_missed(scene: Scene) -> None:
    await scene.broker.connect()

    def arrive() -> None:
        order = scene.books.place_foreign_order("DU1", "AAA", 5, client_order_id=KEY)
        scene.books.fill(order)

    asyncio.get_running_loop().call_later(3, arrive)
    assert await scene.recover() is OrderStatus.FILLED


async def test_fills_that_the_account_does_not_show_stay_open_for_every_later_run(
    scene: Scene,
) -> None:
    scene.books.snapshot_lag = 10_000
    order = scene.books.place_foreign_order("DU1", "AAA", 5, client_order_id=KEY)
    scene.books.fill(order)
    for _ in range(2):
        with pytest.raises(RebalanceStopped, match="AAA 0, not 5") as stop:
            await scene.recover()
        assert stop.value.attention == Attention(
            claim=Claim.POSITIONS_UNEXPLAINED, symbols=("AAA",)
        )
        await asyncio.sleep(600)
    assert scene.journal.unfinished("DU1") == [scene.intent]


async def test_a_clock_that_was_set_back_does_not_make_it_wait_longer(scene: Scene) -> None:
    scene.intent = scene.intent.model_copy(
        update={"at": scene.intent.at.replace(year=scene.intent.at.year + 1)}
    )
    began = scene.clock.now()
    await scene.recover()
    assert (scene.clock.now() - began).total_seconds() == pytest.approx(5, abs=0.1)


async def test_an_order_that_still_works_stops_the_run_and_stays_open(scene: Scene) -> None:
    scene.books.place_foreign_order("DU1", "AAA", 5, client_order_id=KEY)
    with pytest.raises(RebalanceStopped, match=r"AAA:B:1 \(WORKING\)") as stop:
        await scene.recover()
    assert stop.value.attention == Attention(
        claim=Claim.ORDERS_IN_DOUBT, symbols=("AAA",), orders=(KEY,)
    )
    assert scene.journal.unfinished("DU1") == [scene.intent]


async def test_an_order_that_one_list_leaves_out_is_not_taken_as_never_sent(scene: Scene) -> None:
    await scene.broker.connect()
    scene.books.place_foreign_order("DU1", "AAA", 5, client_order_id=KEY)
    look, looks = scene.broker.find_order, 0

    class Forgetful(FakeBroker):
        async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
            nonlocal looks
            looks += 1
            return None if looks == 1 else await look(account_id, client_order_id)

    session = Session(Forgetful(scene.books), reconnect_timeout_seconds=60)
    long_ago = asyncio.get_running_loop().time() - 60
    found = (await find_fate(session, scene.intent, handed_over=long_ago)).order
    assert found is not None
    assert found.status is OrderStatus.WORKING


async def test_an_order_is_absent_when_three_lists_leave_it_out(scene: Scene) -> None:
    await scene.broker.connect()
    long_ago = asyncio.get_running_loop().time() - 60
    fate = await find_fate(scene.session, scene.intent, handed_over=long_ago)
    assert fate == (None, True)


SENT = intent("AAA")
#: The broker tells of orders of this day only.
FORGOTTEN = outcome(SENT, OrderStatus.NOT_FOUND)


def found(status: OrderStatus, filled: int) -> OrderOutcome:
    told = outcome(SENT, status, filled=filled)
    return told.model_copy(update={"average_price": Decimal("10.05") if filled else None})


def finished(status: RunStatus) -> RunFinished:
    """The end of a run with a result."""
    return RunFinished(run_id="r1", account_id="DU1", at=AT, status=status, open_orders=1)


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (OrderStatus.CANCELLED, OrderStatus.CANCELLED),
        (OrderStatus.WORKING, OrderStatus.NOT_FOUND),
        (OrderStatus.UNKNOWN, OrderStatus.NOT_FOUND),
    ],
)
def test_what_an_order_filled_is_told_once_the_broker_has_forgotten_it(
    known: OrderStatus, status: OrderStatus
) -> None:
    records: list[Record] = [SENT, found(known, 5)]
    [trade] = untold_trades([*records, FORGOTTEN])
    assert (trade.filled_quantity, trade.average_price) == (Decimal(5), Decimal("10.05"))
    assert trade.status is status
    assert describe_unfilled([FORGOTTEN], records) == []
    ended = finished(RunStatus.DONE)
    assert untold_trades([*records, FORGOTTEN, ended]) == ()


@pytest.mark.parametrize("listed", [3, 5])
def test_a_list_without_prices_takes_none_back(listed: int) -> None:
    working = found(OrderStatus.WORKING, listed).model_copy(update={"average_price": None})
    [trade] = untold_trades([SENT, found(OrderStatus.UNKNOWN, 5), working, FORGOTTEN])
    assert (trade.filled_quantity, trade.average_price) == (Decimal(5), Decimal("10.05"))


def test_an_order_that_filled_nothing_is_told_in_words() -> None:
    records: list[Record] = [SENT, found(OrderStatus.WORKING, 0)]
    assert untold_trades([*records, FORGOTTEN]) == ()
    assert describe_unfilled([FORGOTTEN], records) == [
        "rb:r1:DU1:AAA:B:1 of an earlier run is closed: not found, 0 filled"
    ]


def test_an_order_in_doubt_is_not_told_yet() -> None:
    assert untold_trades([SENT, found(OrderStatus.WORKING, 5)]) == ()


def test_shares_that_a_result_has_told_are_not_told_again() -> None:
    records: list[Record] = [
        SENT,
        found(OrderStatus.UNKNOWN, 5),
        finished(RunStatus.NEEDS_ATTENTION),
    ]
    [trade] = untold_trades([*records, found(OrderStatus.FILLED, 7)])
    assert (trade.quantity, trade.filled_quantity) == (Decimal(7), Decimal(2))
    # 10.05 is the average of all seven.
    assert trade.average_price is None
    assert trade.status is OrderStatus.FILLED


@pytest.mark.parametrize("last", [found(OrderStatus.CANCELLED, 3), FORGOTTEN])
def test_fewer_shares_than_were_told_are_no_trade(last: OrderOutcome) -> None:
    records: list[Record] = [
        SENT,
        found(OrderStatus.UNKNOWN, 5),
        finished(RunStatus.NEEDS_ATTENTION),
    ]
    assert untold_trades([*records, last]) == ()
    again = found(OrderStatus.FILLED, 7)
    [trade] = untold_trades([*records, last, finished(RunStatus.NEEDS_ATTENTION), again])
    assert trade.filled_quantity == 2
