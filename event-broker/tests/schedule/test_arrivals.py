"""The age of an event is the age of its latest arrival."""

from __future__ import annotations

from datetime import timedelta

from app.events import Command, EventSource, NewEvent
from app.store import open_store
from app.store.testing import AdjustableClock


def test_an_arrival_that_merges_makes_the_waiting_event_young_again(sqlite_url: str) -> None:
    clock = AdjustableClock(sqlite_url)
    rebalance = NewEvent(account_id="DU1", command=Command.REBALANCE, source=EventSource.CLI)
    with open_store(sqlite_url, clock=clock) as store:
        event_id = store.events.enqueue(rebalance).event_id
        created_at = store.events.get(event_id).created_at
        assert store.events.standing(event_id, None).asked_at == created_at
        clock.advance(timedelta(days=5))
        assert store.events.enqueue(rebalance).merged
        age = store.events.standing(event_id, None).asked_at - created_at
        assert timedelta(days=5) <= age < timedelta(days=5, minutes=1)
