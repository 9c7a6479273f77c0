"""The outbox: a letter is there if its outcome is, belongs to one sender, and is settled once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, create_engine, event, make_url, text

from app.events import Claim, EventState, LeaseLost
from app.store import Store, open_store
from app.store.outbox import TOO_OLD
from app.store.records import Letter, LetterOutcome
from app.store.testing import AdjustableClock, arrival, claimed

MINE, OTHER = "a" * 32, "b" * 32

Record = Callable[[Store, Claim, Letter | None], object]
OUTCOMES: dict[str, Record] = {
    "finish": lambda store, claim, letter: store.events.finish(claim, {"status": "done"}, letter),
    "park": lambda store, claim, letter: store.events.park(claim, "doubt", None, letter),
    "retry": lambda store, claim, letter: store.events.retry(
        claim, "no gateway", timedelta(0), letter
    ),
    "hold": lambda store, claim, letter: store.events.hold(
        claim, datetime.now(UTC), "closed", letter
    ),
}


def letter(sender: str = MINE, **changes: str) -> Letter:
    words = {"kind": "rebalanced", "title": "Rebalanced DU1", "body": "BUY 5 SPY"} | changes
    return Letter(key=uuid.uuid4().hex, sender=sender, **words)


def posted(store: Store, account_id: str = "DU1", sender: str = MINE) -> Letter:
    """A letter in the outbox."""
    store.events.enqueue(arrival(account_id))
    written = letter(sender)
    store.events.finish(claimed(store), {}, written)
    return written


class Commits:
    """Counts those of every store of this process."""

    number = 0

    def __call__(self, _: object) -> None:
        self.number += 1


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Somebody who reads the tables directly."""
    url = make_url(database_url)
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    yield engine
    engine.dispose()


def outcomes(engine: Engine) -> dict[str, str | None]:
    """By key."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT key, outcome FROM outbox"))
        return {row.key: row.outcome for row in rows}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_letter_is_recorded_with_its_outcome_and_never_twice(store: Store, outcome: str) -> None:
    event_id = store.events.enqueue(arrival()).event_id
    claim, written = claimed(store), letter()
    for _ in range(2):  # as after a commit that was not heard of
        OUTCOMES[outcome](store, claim, written)
    assert store.events.get(event_id).state is not EventState.RUNNING
    assert [(one.key, one.sender) for one in store.outbox.open()] == [(written.key, MINE)]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_that_is_not_recorded_is_not_told(store: Store, outcome: str) -> None:
    store.events.enqueue(arrival())
    claim = claimed(store)
    store.events.release(claim)
    claimed(store)
    with pytest.raises(LeaseLost):
        OUTCOMES[outcome](store, claim, letter())
    assert store.outbox.open() == ()


def test_a_letter_costs_no_commit_of_its_own(database_url: str) -> None:
    commits = Commits()
    with open_store(database_url) as store:
        store.events.enqueue(arrival())
        claim = claimed(store)
        event.listen(Engine, "commit", commits)
        try:
            store.events.finish(claim, {}, letter())
        finally:
            event.remove(Engine, "commit", commits)
        assert commits.number == 1
        assert len(store.outbox.open()) == 1


def test_no_words_keep_an_outcome_from_being_recorded(store: Store) -> None:
    store.events.enqueue(arrival())
    odd = letter(title="half \udc80 of", body="a NUL \0 in it")
    store.events.finish(claimed(store), {}, odd)
    (seen,) = store.outbox.open()
    (taken,) = store.outbox.take([seen], OTHER)
    assert (taken.title, taken.body) == ("half \ufffd of", "a NUL \ufffd in it")


def test_a_settled_letter_is_nobodys_any_more(store: Store, engine: Engine) -> None:
    told, given_up = posted(store, "DU1"), posted(store, "DU2")
    seen = store.outbox.open()
    store.outbox.settle({told.key: LetterOutcome.DELIVERED, given_up.key: LetterOutcome.GIVEN_UP})
    assert outcomes(engine) == {told.key: "delivered", given_up.key: "given_up"}
    assert store.outbox.take(seen, OTHER) == ()
    store.outbox.settle({told.key: LetterOutcome.GIVEN_UP})
    assert outcomes(engine)[told.key] == "delivered"


def test_a_letter_whose_sender_moved_is_not_taken(store: Store) -> None:
    posted(store)
    seen = store.outbox.open()
    store.outbox.beat(MINE, [one.key for one in seen])
    assert store.outbox.take(seen, OTHER) == ()
    assert [one.sender for one in store.outbox.open()] == [MINE]


def test_a_sender_beats_for_the_letters_that_it_has_and_for_no_others(store: Store) -> None:
    mine, other, unknown = (
        posted(store, account_id, sender)
        for account_id, sender in (("DU1", MINE), ("DU2", OTHER), ("DU3", MINE))
    )
    before = {one.key: one.beat for one in store.outbox.open()}
    store.outbox.beat(MINE, [mine.key, other.key])
    after = {one.key: one.beat for one in store.outbox.open()}
    assert after[mine.key] != before[mine.key]
    assert after[other.key] == before[other.key]
    assert after[unknown.key] == before[unknown.key]


def test_what_was_left_is_taken_by_one_of_many(store: Store, database_url: str) -> None:
    written = posted(store)
    seen = store.outbox.open()
    senders = [uuid.uuid4().hex for _ in range(8)]
    stores = [open_store(database_url) for _ in range(2)]
    try:
        with ThreadPoolExecutor(8) as together:
            taken = list(
                together.map(
                    lambda number: stores[number % 2].outbox.take(seen, senders[number]), range(8)
                )
            )
    finally:
        for one in stores:
            one.close()
    (took,) = [letters for letters in taken if letters]
    assert [(one.key, one.title, one.body) for one in took] == [
        (written.key, written.title, written.body)
    ]
    assert [one.sender for one in store.outbox.open()] == [took[0].sender]


def test_what_is_released_is_anybodys(store: Store) -> None:
    posted(store, "DU1")
    posted(store, "DU2", OTHER)
    store.outbox.release(MINE)
    assert sorted(str(one.sender) for one in store.outbox.open()) == sorted([OTHER, "None"])
    (left,) = [one for one in store.outbox.open() if one.sender is None]
    (taken,) = store.outbox.take([left], OTHER)
    assert taken.sender == OTHER


def test_what_is_older_than_a_day_is_not_told(
    store: Store, clock: AdjustableClock, engine: Engine
) -> None:
    old = posted(store, "DU1")
    clock.advance(TOO_OLD)
    young = posted(store, "DU2")
    taken = store.outbox.take(store.outbox.open(), OTHER)
    assert [one.key for one in taken] == [young.key]
    assert outcomes(engine) == {old.key: "expired", young.key: None}
