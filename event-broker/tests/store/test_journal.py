"""The journal's table: whose claim is the latest may append, behind what he has read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import create_engine, text

from app.events import Claim, LeaseLost
from app.store import LEASE, Store, open_store
from app.store.journal import KEPT, JournalMovedOn
from app.store.testing import AdjustableClock, arrival, claimed

_PATIENCE = 20


@pytest.fixture
def claim(store: Store) -> Claim:
    store.events.enqueue(arrival("DU1"))
    return claimed(store)


@pytest.fixture
def all_records(database_url: str) -> Iterator[Callable[[], list[str]]]:
    """Everything that is in the table."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))

    def read() -> list[str]:
        with engine.connect() as connection:
            return list(
                connection.execute(text("SELECT record FROM journal ORDER BY seq")).scalars()
            )

    yield read
    engine.dispose()


def test_records_are_numbered_in_their_account_and_come_back_in_order(
    store: Store, claim: Claim
) -> None:
    assert store.journal.append(claim, 0, ["a", "b"]) == 2
    assert store.journal.append(claim, 2, ["c"]) == 3
    assert store.journal.append(claim, 3, []) == 3
    store.events.enqueue(arrival("DU2"))
    assert store.journal.append(claimed(store), 0, ["x"]) == 1
    assert store.journal.recent("DU1") == (3, ("a", "b", "c"))
    assert store.journal.recent("DU2") == (1, ("x",))
    assert store.journal.recent("DU3") == (0, ())


def test_what_is_before_the_latest_clean_end_is_not_read(store: Store, claim: Claim) -> None:
    for end in ("first end", "second end"):
        after = store.journal.recent("DU1").seq
        store.journal.append(claim, after, ["begin", end], ends_clean=True)
    store.journal.append(claim, 4, ["begin", "an end that is not clean"])
    assert store.journal.recent("DU1") == (
        6,
        ("second end", "begin", "an end that is not clean"),
    )


def test_the_same_append_may_be_repeated(store: Store, claim: Claim) -> None:
    """The connection broke during the commit."""
    for _ in range(3):
        assert store.journal.append(claim, 0, ["a", "b"]) == 2
    assert store.journal.recent("DU1").records == ("a", "b")


def test_an_append_behind_anything_but_the_last_record_is_refused(
    store: Store, claim: Claim
) -> None:
    store.journal.append(claim, 0, ["a", "b"])
    for after, records in ((0, ["a"]), (0, ["a", "c"]), (1, ["c"]), (0, ["a", "b", "c"])):
        with pytest.raises(JournalMovedOn, match="the run journal of DU1"):
            store.journal.append(claim, after, records)
    assert store.journal.recent("DU1").records == ("a", "b")


def sweep_later(store: Store, clock: AdjustableClock) -> None:
    clock.advance(2 * LEASE)
    assert len(store.events.sweep()) == 1


@pytest.mark.parametrize("end", ["finish", "park", "retry", "hold", "release", "sweep"])
def test_a_claim_that_has_ended_appends_nothing(
    store: Store, clock: AdjustableClock, claim: Claim, end: str
) -> None:
    later: dict[str, Callable[[], object]] = {
        "finish": lambda: store.events.finish(claim, {}),
        "park": lambda: store.events.park(claim, "look"),
        "retry": lambda: store.events.retry(claim, "no", timedelta(0)),
        "hold": lambda: store.events.hold(claim, claim.event.created_at, "no"),
        "release": lambda: store.events.release(claim),
        "sweep": lambda: sweep_later(store, clock),
    }
    store.journal.append(claim, 0, ["a"])
    later[end]()
    for after in (0, 1):
        with pytest.raises(LeaseLost):
            store.journal.append(claim, after, ["a"])
    assert store.journal.recent("DU1").records == ("a",)


def test_a_worker_that_slept_past_its_lease_appends_nothing(
    store: Store, clock: AdjustableClock, claim: Claim
) -> None:
    store.journal.append(claim, 0, ["a"])
    clock.advance(2 * LEASE)
    store.events.sweep()
    again = claimed(store, "another")
    with pytest.raises(LeaseLost):
        store.journal.append(claim, 1, ["late"])
    store.journal.append(again, 1, ["b"])
    with pytest.raises(LeaseLost):
        store.journal.append(claim, 1, ["late"])
    assert store.journal.recent("DU1").records == ("a", "b")


def test_what_an_old_claim_wrote_is_not_taken_for_an_append_of_the_new_one(
    store: Store, claim: Claim
) -> None:
    store.journal.append(claim, 0, ["a"])
    store.events.release(claim)
    with pytest.raises(JournalMovedOn):
        store.journal.append(claimed(store), 0, ["a"])


def test_an_account_is_not_freed_in_the_midst_of_an_append(
    postgres_url: str,
) -> None:
    """Whoever takes it over would not see what is about to be committed, and sent."""
    clock = AdjustableClock(postgres_url)
    with open_store(postgres_url, clock=clock) as store, psycopg.connect(postgres_url) as slow:
        store.events.enqueue(arrival("DU1"))
        claim = claimed(store)
        clock.advance(2 * LEASE)
        # The append waits for whoever is about to have its place, or not.
        slow.execute(
            "INSERT INTO journal (account_id, seq, token, recorded_at, record, ends_clean)"
            " VALUES ('DU1', 1, 'x', now(), 'x', false)"
        )
        appending = threading.Thread(target=store.journal.append, args=(claim, 0, ["a"]))
        appending.start()
        with psycopg.connect(postgres_url, autocommit=True) as looking:
            held = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            )
            for _ in range(2_000):
                if looking.execute(held).fetchone() == (1,):
                    break
                threading.Event().wait(0.01)
            else:
                pytest.fail("the append does not wait")
        assert store.events.sweep() == ()
        slow.rollback()
        appending.join(_PATIENCE)
        assert len(store.events.sweep()) == 1
        assert store.journal.recent("DU1").records == ("a",)


def test_appends_at_the_same_time_are_one_of_them(store: Store, claim: Claim) -> None:
    barrier = threading.Barrier(4)
    outcomes: list[str] = []

    def append(record: str) -> None:
        barrier.wait(_PATIENCE)
        try:
            store.journal.append(claim, 0, [record])
        except JournalMovedOn:
            outcomes.append("refused")
        else:
            outcomes.append(record)

    threads = [threading.Thread(target=append, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
    assert outcomes.count("refused") == 3
    assert store.journal.recent("DU1").records[0] in outcomes


def test_old_records_go_when_a_run_ends_clean_and_never_before(
    store: Store, clock: AdjustableClock, claim: Claim, all_records: Callable[[], list[str]]
) -> None:
    store.journal.append(claim, 0, ["old intent", "old end"])
    clock.advance(KEPT + timedelta(days=1))
    claim = store.events.heartbeat(claim)
    store.journal.append(claim, 2, ["intent"])
    assert store.journal.recent("DU1").records == ("old intent", "old end", "intent")
    store.journal.append(claim, 3, ["end"], ends_clean=True)
    assert all_records() == ["intent", "end"]
    clock.advance(KEPT - timedelta(days=1))
    claim = store.events.heartbeat(claim)
    store.journal.append(claim, 4, ["another end"], ends_clean=True)
    assert all_records() == ["intent", "end", "another end"]
