"""Messages become events of the accounts that follow their strategy, each exactly once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from app.events import Command, EventSource, EventState
from app.execution import StrategyExecutor
from app.store.records import Message, MessageOrigin, MessageStatus

if TYPE_CHECKING:
    from .conftest import Site


def payload_of(raw: str) -> Mapping[str, Any] | None:
    data = json.loads(raw).get("data")
    return data if isinstance(data, dict) else None


class Desk:
    """A dispatcher whose clock and continuity a test sets."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.now = datetime.now(UTC)
        self.caught_up = True
        #: What a message has in it that the program has a fault with.
        self.trips_over = "nothing of the kind"
        self.dispatcher = StrategyExecutor(
            site.store,
            settings=lambda: site.settings,
            payload_of=self._payload_of,
            is_caught_up=lambda channel: self.caught_up,
            tell=site.told.append,
            now=lambda: self.now,
        )

    def _payload_of(self, raw: str) -> Mapping[str, Any] | None:
        if self.trips_over in raw:
            raise KeyError("a fault in the program")
        return payload_of(raw)

    def publish(
        self,
        message_id: str,
        data: object,
        *,
        channel: str = "global-core-60-40",
        at: datetime | None = None,
    ) -> None:
        self.site.store.messages.record(
            Message(
                channel=channel,
                message_id=message_id,
                timestamp=at or self.now,
                raw=json.dumps({"data": data}),
                origin=MessageOrigin.LIVE,
            )
        )

    def statuses(self) -> dict[str, MessageStatus]:
        return {m.message.message_id: m.status for m in self.site.store.messages.list()}


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


async def test_every_account_that_follows_gets_one_event(desk: Desk) -> None:
    desk.publish("m1", {"exec": "rebalance"})
    await desk.dispatcher.dispatch_all()
    await desk.dispatcher.dispatch_all()
    events = desk.site.store.events.list()
    assert {(e.account_id, e.command, e.source, e.source_ref) for e in events} == {
        ("P1", Command.REBALANCE, EventSource.ABLY, "m1"),
        ("P2", Command.REBALANCE, EventSource.ABLY, "m1"),
    }
    assert {e.state for e in events} == {EventState.QUEUED}
    assert desk.statuses() == {"m1": MessageStatus.DISPATCHED}


@pytest.mark.parametrize("data", [None, "rebalance", 7, [], {}, {"exec": "dry_run"}])
async def test_a_message_that_does_not_say_rebalance_previews(desk: Desk, data: object) -> None:
    desk.publish("m1", data)
    await desk.dispatcher.dispatch_all()
    assert {e.command for e in desk.site.store.events.list()} == {Command.PRINT_REBALANCE}


async def test_messages_are_dispatched_in_the_order_of_their_publication(desk: Desk) -> None:
    second, first = desk.now, desk.now - timedelta(minutes=1)
    desk.publish("b", {"exec": "rebalance", "n": 2}, at=second)
    desk.publish("a", {"exec": "rebalance", "n": 1}, at=first)
    await desk.dispatcher.dispatch_all()
    waiting = [e for e in desk.site.store.events.list() if e.state is EventState.QUEUED]
    # One waiting event an account, which says what the newest message says.
    assert [e.payload["n"] for e in waiting] == [2, 2]
    assert {e.source_ref for e in waiting} == {"b"}


async def test_a_message_that_is_too_old_is_told_and_not_traded(desk: Desk) -> None:
    desk.publish("m1", {"exec": "rebalance"}, at=desk.now - timedelta(minutes=61))
    desk.publish("m2", {"exec": "rebalance"}, at=desk.now - timedelta(minutes=59))
    await desk.dispatcher.dispatch_all()
    assert desk.statuses() == {"m1": MessageStatus.STALE, "m2": MessageStatus.DISPATCHED}
    assert {e.source_ref for e in desk.site.store.events.list()} == {"m2"}
    assert [n.kind.value for n in desk.site.told] == ["stale"]


async def test_a_message_that_nobody_follows_says_so(desk: Desk) -> None:
    desk.publish("m1", {"exec": "rebalance"}, channel="other")
    await desk.dispatcher.dispatch_all()
    assert desk.statuses() == {"m1": MessageStatus.NOBODY_FOLLOWS}
    assert desk.site.store.events.list() == ()


async def test_a_message_waits_for_older_ones_but_not_for_ever(desk: Desk) -> None:
    desk.publish("m1", {"exec": "rebalance"})
    desk.caught_up = False
    await desk.dispatcher.dispatch_all()
    assert desk.statuses() == {"m1": MessageStatus.RECEIVED}
    desk.now += timedelta(seconds=31)
    await desk.dispatcher.dispatch_all()
    assert desk.statuses() == {"m1": MessageStatus.DISPATCHED}


async def test_what_is_caught_up_with_is_dispatched_at_once(desk: Desk) -> None:
    desk.publish("m1", {"exec": "rebalance"})
    desk.caught_up = False
    await desk.dispatcher.dispatch_all()
    desk.caught_up = True
    await desk.dispatcher.dispatch_all()
    assert desk.statuses() == {"m1": MessageStatus.DISPATCHED}


def nested(levels: int) -> object:
    return [nested(levels - 1)] if levels else []


async def test_a_message_that_cannot_become_events_is_told_and_holds_up_no_other(
    desk: Desk,
) -> None:
    # More than an event may have: recorded by a version that took more, or by mistake.
    desk.publish("m1", {"exec": "rebalance", "deep": nested(100)}, at=desk.now)
    desk.publish("m2", {"exec": "rebalance"}, at=desk.now + timedelta(seconds=1))
    for _ in range(2):  # as after a restart
        await desk.dispatcher.dispatch_all()
    assert desk.statuses() == {"m1": MessageStatus.MALFORMED, "m2": MessageStatus.DISPATCHED}
    assert {e.source_ref for e in desk.site.store.events.list()} == {"m2"}
    (odd,) = [m for m in desk.site.store.messages.list() if m.status is MessageStatus.MALFORMED]
    assert odd.detail == "ValueError: a payload has at most 64 levels"
    (told,) = desk.site.told
    assert told.title == "Not done, cannot be used: a message of global-core-60-40"
    assert odd.detail in told.body


async def test_a_fault_in_the_program_loses_no_message_and_holds_up_no_other(desk: Desk) -> None:
    desk.publish("m1", {"exec": "rebalance", "colour": "red"}, at=desk.now)
    desk.publish("m2", {"exec": "rebalance"}, at=desk.now + timedelta(seconds=1))
    desk.trips_over = "red"
    with capture_logs() as logged:
        for _ in range(3):
            await desk.dispatcher.dispatch_all()
    assert desk.statuses() == {"m1": MessageStatus.RECEIVED, "m2": MessageStatus.DISPATCHED}
    tries = [line for line in logged if line["event"] == "message.not_dispatched"]
    assert [line["log_level"] for line in tries] == ["error", "debug", "debug"]
    assert ["exc_info" in line for line in tries] == [True, False, False]
    (told,) = desk.site.told
    assert told.title == "Not done yet: a message of global-core-60-40"
    assert "KeyError: 'a fault in the program'" in told.body
    desk.trips_over = "nothing any more"
    await desk.dispatcher.dispatch_all()
    assert desk.statuses()["m1"] is MessageStatus.DISPATCHED
