"""Text of others may have in it what no engine keeps: an outcome is recorded all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.events import Claim, Command, Event
from app.store import Store
from app.store.records import (
    FillRecord,
    Message,
    MessageOrigin,
    MessageStatus,
    OrderRecord,
    RunRecord,
)
from app.store.testing import arrival, claimed

ODD, KEPT = "half \udc80, a NUL \0, an \xe9", "half \ufffd, a NUL \ufffd, an \xe9"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

OUTCOMES: dict[str, Callable[[Store, Claim], object]] = {
    "park": lambda store, claim: store.events.park(claim, ODD, {"message": ODD}),
    "retry": lambda store, claim: store.events.retry(claim, ODD, timedelta(0)),
    "hold": lambda store, claim: store.events.hold(claim, NOON, ODD),
    "release": lambda store, claim: store.events.release(claim, ODD),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_is_recorded_whatever_its_words(store: Store, outcome: str) -> None:
    event_id = store.events.enqueue(arrival(source_ref=ODD)).event_id
    OUTCOMES[outcome](store, claimed(store))
    event = store.events.get(event_id)
    assert KEPT in (event.error, event.reason)
    assert event.source_ref == KEPT
    (attempt,) = store.events.attempts(event_id)
    assert attempt.error == event.error


@pytest.mark.parametrize("move", ["cancel", "dismiss", "requeue"])
def test_what_a_person_decides_is_recorded_whatever_the_reason(store: Store, move: str) -> None:
    moves = {
        "cancel": store.events.cancel,
        "dismiss": store.events.dismiss,
        "requeue": store.events.requeue,
    }
    event_id = store.events.enqueue(arrival()).event_id
    if move != "cancel":
        store.events.park(claimed(store), "doubt")
    moves[move](event_id, ODD)
    event: Event = store.events.get(event_id)
    assert event.reason == KEPT


def test_a_run_is_recorded_whatever_its_broker_says(store: Store) -> None:
    order = OrderRecord(
        order_ref="o1",
        order_id=ODD,
        symbol=ODD,
        side="BUY",
        quantity=Decimal(1),
        order_type="LMT",
        status=ODD,
        message=ODD,
    )
    fill = FillRecord(
        execution_id=ODD,
        order_ref="o1",
        symbol=ODD,
        side="BUY",
        quantity=Decimal(1),
        price=Decimal(2),
    )
    run = RunRecord(
        run_id="r1",
        account_id="DU1",
        command=Command.REBALANCE,
        trading_mode="paper",
        status="failed",
        started_at=NOON,
        message=ODD,
        result={"message": ODD},
        orders=(order,),
        fills=(fill,),
    )
    for _ in range(2):
        store.runs.record(run)
    kept = store.runs.get("r1")
    assert kept is not None
    assert (kept.message, kept.result) == (KEPT, {"message": ODD})
    assert [(o.order_id, o.symbol, o.status, o.message) for o in kept.orders] == [(KEPT,) * 4]
    assert [(f.execution_id, f.symbol) for f in kept.fills] == [(KEPT, KEPT)]


def test_messages_pauses_and_lists_are_kept_whatever_their_words(store: Store) -> None:
    message = Message(
        channel="alpha",
        message_id=ODD,
        timestamp=NOON,
        serial=ODD,
        name=ODD,
        raw="{}",
        origin=MessageOrigin.LIVE,
    )
    assert store.messages.record(message, MessageStatus.MALFORMED, ODD)
    assert not store.messages.record(message)
    (stored,) = store.messages.list()
    assert (stored.message.message_id, stored.message.name, stored.detail) == (KEPT,) * 3
    store.controls.pause(None, ODD, ODD)
    (pause,) = store.controls.paused()
    assert (pause.paused_by, pause.reason) == (KEPT, KEPT)
    store.market_open.add("DU1", ODD, ODD)
    (entry,) = store.market_open.list()
    assert (entry.added_by, entry.reason) == (KEPT, KEPT)
    gap = store.feeds.record_gap("alpha", NOON, NOON + timedelta(minutes=1), ODD)
    assert gap is not None
    assert gap.reason == KEPT
