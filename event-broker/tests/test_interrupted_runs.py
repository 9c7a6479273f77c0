"""Runs that are told to end half-way: what they say is true, and nothing is left out.

They run in virtual time: `settled` returns when nothing more happens by itself.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from app.account_process.rebalancing import RunInterrupted, rebalance
from broker_connector_base import (
    BrokerAPIError,
    Claim,
    OpenOrder,
    OrderResult,
    OrderStatus,
    RunStatus,
)
from broker_connector_base.testing import (
    CANCEL_NEVER_CONFIRMED,
    FILLS,
    RESTS,
    SWALLOWED,
    Behaviour,
    FakeBroker,
    Reject,
)
from rebalance_workflow import JournalError, MemoryJournal, RebalanceStopped, RunJournal
from rebalance_workflow.journal import OrderIntent, Record
from rebalance_workflow.testing import World, make_world


@pytest.fixture
def world() -> World:
    """AAA and BBB are to be bought: 490 shares of AAA, 988 of BBB at 50.05."""
    return make_world(
        cash=100_000,
        quotes={"AAA": ("100", "100.02"), "BBB": ("50", "50.05")},
        weights={"AAA": "0.5", "BBB": "0.5"},
    )


async def settled() -> None:
    await asyncio.sleep(5)


async def begin(
    world: World, resting: Behaviour, journal: RunJournal | None = None
) -> asyncio.Task[object]:
    """A run that has bought BBB and waits for AAA; `journal` is what can be read of it."""
    world.books.script("AAA", resting)
    world.books.script("BBB", FILLS)
    await world.broker.connect()
    run = asyncio.ensure_future(
        rebalance(world.rebalancer(), world.account, journal or world.journal, world.clock)
    )
    await settled()
    assert world.traded() == {"BBB": Decimal(988)}
    return run


async def end(run: asyncio.Task[object]) -> RunInterrupted:
    run.cancel()
    with pytest.raises(RunInterrupted) as caught:
        await run
    return caught.value


def statuses(world: World) -> dict[str, OrderStatus]:
    return {order.symbol: order.status for order in world.books.orders}


async def test_it_cancels_what_works_and_tells_what_it_traded(world: World) -> None:
    interrupted = await end(await begin(world, RESTS))
    assert str(interrupted) == (
        "the run was interrupted: none of its orders works any more; "
        "traded: BBB +988 at 50.0500. Run again to go on."
    )
    assert interrupted.attention is None
    assert statuses(world) == {"AAA": OrderStatus.CANCELLED, "BBB": OrderStatus.FILLED}


async def test_it_tells_what_it_could_not_cancel(world: World) -> None:
    refused = Behaviour(fills=0, on_cancel=Reject(code="10148"))
    interrupted = await end(await begin(world, refused))
    assert "1 open order (buy 490 AAA) still working; traded: BBB +988" in str(interrupted)
    assert interrupted.attention is not None
    assert interrupted.attention.claim is Claim.ORDERS_WORKING
    assert interrupted.attention.symbols == ("AAA",)


async def test_an_order_that_the_broker_has_no_word_of_is_in_doubt(world: World) -> None:
    interrupted = await end(await begin(world, SWALLOWED))
    assert "and the broker does not tell the end of rb:run1:DU1:AAA:B:1;" in str(interrupted)
    assert interrupted.attention is not None
    assert interrupted.attention.claim is Claim.ORDERS_IN_DOUBT
    assert interrupted.attention.orders == ("rb:run1:DU1:AAA:B:1",)


@pytest.mark.parametrize("seconds", [1, 7, 10])
async def test_the_next_run_keeps_away_from_it(world: World, seconds: float) -> None:
    run = await begin(world, SWALLOWED)
    await asyncio.sleep(seconds)
    await end(run)
    world.new_session()
    with pytest.raises(RebalanceStopped, match=r"AAA:B:1 \(UNKNOWN\); look at them"):
        await world.run()
    await asyncio.sleep(1800)
    world.books.script("AAA", FILLS)
    assert (await world.run()).status is RunStatus.DONE


class Troubled(FakeBroker):
    """From some moment on it looks no order up: it refuses to, or takes for ever."""

    trouble: str | None = None

    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        if self.trouble == "refuses":
            raise BrokerAPIError("the lists cannot be read", code="321")
        if self.trouble:
            await asyncio.Event().wait()
        return await super().find_order(account_id, client_order_id)


@pytest.mark.parametrize("trouble", ["refuses", "is silent", "is silent, and told to end again"])
async def test_a_broker_that_looks_nothing_up_ends_no_doubt(world: World, trouble: str) -> None:
    world.broker = broker = Troubled(world.books)
    run = await begin(world, SWALLOWED)
    broker.trouble = trouble
    run.cancel()
    if "again" in trouble:
        await asyncio.sleep(1)
    interrupted = await end(run)
    assert interrupted.attention is not None
    assert interrupted.attention.claim is Claim.ORDERS_IN_DOUBT
    world.new_session()
    with pytest.raises(RebalanceStopped, match=r"AAA:B:1 \(UNKNOWN\); look at them"):
        await world.run()


async def test_an_order_that_arrives_behind_the_list_is_cancelled_too(world: World) -> None:
    class Late(FakeBroker):
        lists = 0

        async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
            Late.lists += 1
            return [] if Late.lists == 2 else await super().get_open_orders(account_id)

    world.broker = Late(world.books)
    run = await begin(world, RESTS)
    assert Late.lists == 1
    interrupted = await end(run)
    assert interrupted.attention is None
    assert statuses(world)["AAA"] is OrderStatus.CANCELLED


async def test_what_the_run_has_found_out_is_kept_when_the_broker_is_gone(world: World) -> None:
    run = await begin(world, SWALLOWED)
    # It was not answered, and three looks did not find it.
    await asyncio.sleep(11)
    world.books.reachable = False
    world.books.drop()
    await end(run)
    world.books.reachable = True
    world.new_session()
    with pytest.raises(RebalanceStopped, match=r"AAA:B:1 \(UNKNOWN\); look at them"):
        await world.run()


async def test_an_order_that_was_never_handed_over_leaves_no_doubt(world: World) -> None:
    class Ending(MemoryJournal):
        """Tells the run to end as soon as it has written down what it is going to send."""

        def append(self, *records: Record) -> None:
            super().append(*records)
            if isinstance(records[-1], OrderIntent):
                run.cancel()

    world.journal = Ending()
    await world.broker.connect()
    run = asyncio.ensure_future(
        rebalance(world.rebalancer(), world.account, world.journal, world.clock)
    )
    with pytest.raises(RunInterrupted, match=r"works any more; nothing was traded\. Run again"):
        await run
    assert world.journal.unfinished(world.account.account_id) == []
    assert world.sent() == []


async def test_trades_of_others_are_not_told_as_its_own(world: World) -> None:
    run = await begin(world, RESTS)
    by_hand = world.books.place_foreign_order(world.account.account_id, "BBB", 5, limit_price=60)
    world.books.fill(by_hand)
    assert "traded: BBB +988 at" in str(await end(run))


@pytest.mark.parametrize(("symbol", "matters"), [("BBB", True), ("CCC", False)])
async def test_orders_of_others_matter_in_its_own_symbols_alone(
    world: World, symbol: str, matters: bool
) -> None:
    world.books.add_instrument("CCC", bid="10", ask="10.01")
    run = await begin(world, RESTS)
    world.books.place_foreign_order(world.account.account_id, symbol, -5, limit_price=99)
    interrupted = await end(run)
    told = "none of its orders works any more, but 1 open order (sell 5 BBB) of somebody else;"
    assert (told in str(interrupted)) is matters
    assert (interrupted.attention is not None) is matters


async def test_a_run_that_traded_nothing_says_so(world: World) -> None:
    world.source.weights = {"AAA": "1"}
    world.books.script("AAA", RESTS)
    await world.broker.connect()
    run = asyncio.ensure_future(
        rebalance(world.rebalancer(), world.account, world.journal, world.clock)
    )
    await settled()
    assert "none of its orders works any more; nothing was traded" in str(await end(run))


async def test_before_its_first_order_nothing_was_sent_and_nothing_is_asked(world: World) -> None:
    await world.broker.connect()
    run = asyncio.ensure_future(
        rebalance(world.rebalancer(), world.account, world.journal, world.clock)
    )
    await asyncio.sleep(0)
    interrupted = await end(run)
    assert "before its first order; no order was sent" in str(interrupted)
    assert interrupted.attention is None
    assert world.sent() == []


async def test_without_a_session_nothing_is_claimed_and_somebody_must_look(world: World) -> None:
    run = await begin(world, RESTS)
    world.books.reachable = False
    world.books.drop()
    interrupted = await end(run)
    assert interrupted.attention is not None
    assert interrupted.attention.claim is Claim.ORDERS_IN_DOUBT
    for part in ("may be working", "what it traded could not be read", "the next run reconciles"):
        assert part in str(interrupted)
    assert "was sent" not in str(interrupted)
    assert "not sent" not in str(interrupted)
    assert statuses(world)["AAA"] is OrderStatus.WORKING


async def test_a_session_that_was_lost_is_opened_again_to_tidy_up(world: World) -> None:
    run = await begin(world, RESTS)
    world.books.drop()
    interrupted = await end(run)
    assert interrupted.attention is None
    assert statuses(world)["AAA"] is OrderStatus.CANCELLED


async def test_a_second_cancellation_while_tidying_leaves_it_in_doubt(world: World) -> None:
    run = await begin(world, CANCEL_NEVER_CONFIRMED)
    run.cancel()
    await asyncio.sleep(1)
    assert statuses(world)["AAA"] is OrderStatus.CANCELLING
    interrupted = await end(run)
    assert interrupted.attention is not None
    assert interrupted.attention.claim is Claim.ORDERS_IN_DOUBT
    assert "may be working (told to end a second time)" in str(interrupted)
    assert "traded: BBB +988" in str(interrupted)


class Silent(FakeBroker):
    """Stops answering when told."""

    answers = True

    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        if not self.answers:
            await asyncio.Event().wait()
        return await super().get_open_orders(account_id)


async def test_a_broker_that_does_not_answer_is_given_up_in_time(world: World) -> None:
    world.broker = broker = Silent(world.books)
    run = await begin(world, RESTS)
    broker.answers = False
    before = asyncio.get_running_loop().time()
    interrupted = await end(run)
    assert asyncio.get_running_loop().time() - before < 20
    assert "may be working (the broker did not answer in time); traded: BBB" in str(interrupted)
    assert interrupted.attention is not None
    assert interrupted.attention.claim is Claim.ORDERS_IN_DOUBT


class Damaged(MemoryJournal):
    """Cannot be read."""

    def history(self, account_id: str) -> list[Record]:
        raise JournalError("the journal is damaged at line 3")


async def test_a_journal_that_cannot_be_read_leaves_it_in_doubt(world: World) -> None:
    interrupted = await end(await begin(world, RESTS, Damaged()))
    assert "what it sent cannot be told: the journal is damaged at line 3" in str(interrupted)
    assert interrupted.attention is not None
    assert interrupted.attention.claim is Claim.JOURNAL_UNREADABLE
