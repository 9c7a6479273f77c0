"""A session that breaks is restored, within limits, and only questions are repeated."""

from __future__ import annotations

import asyncio

import pytest

from broker_connector_base import BrokerConnectionError
from broker_connector_base.testing import Books, FakeBroker, Fault
from rebalance_workflow.session import Session


@pytest.fixture
async def books() -> Books:
    books = Books()
    books.add_account("DU1", cash=1)
    return books


async def connected(books: Books) -> tuple[Session, list[str]]:
    broker, reasons = FakeBroker(books), list[str]()
    await broker.connect()
    return Session(broker, reconnect_timeout_seconds=60, on_reconnect=reasons.append), reasons


async def test_a_question_is_asked_again_after_the_session_was_lost(books: Books) -> None:
    session, reasons = await connected(books)
    books.faults.append(Fault(method="get_accounts"))
    assert await session.ask(session.broker.get_accounts) == ["DU1"]
    assert reasons == ["the session was lost before get_accounts was sent"]


async def test_a_question_that_breaks_the_session_every_time_is_given_up(books: Books) -> None:
    session, reasons = await connected(books)
    books.faults.extend(Fault(method="get_accounts", call=n) for n in (1, 2, 3))
    with pytest.raises(BrokerConnectionError):
        await session.ask(session.broker.get_accounts)
    assert len(reasons) == 2


async def test_logging_in_is_tried_until_it_works(books: Books) -> None:
    session, _ = await connected(books)
    books.reachable = False
    books.drop()
    loop = asyncio.get_running_loop()
    loop.call_later(20, setattr, books, "reachable", True)
    began = loop.time()
    assert await session.ask(session.broker.get_accounts) == ["DU1"]
    assert 20 <= loop.time() - began <= 31


async def test_logging_in_is_given_up_at_the_deadline(books: Books) -> None:
    session, _ = await connected(books)
    books.reachable = False
    books.drop()
    began = asyncio.get_running_loop().time()
    with pytest.raises(BrokerConnectionError, match="could not be restored within 60 s"):
        await session.ask(session.broker.get_accounts)
    assert asyncio.get_running_loop().time() - began == pytest.approx(60)


async def test_two_questions_that_fail_together_log_in_once(books: Books) -> None:
    session, reasons = await connected(books)
    books.drop()
    answers = await asyncio.gather(
        session.ask(session.broker.get_accounts), session.ask(session.broker.get_accounts)
    )
    assert list(answers) == [["DU1"], ["DU1"]]
    assert len(reasons) == 1
