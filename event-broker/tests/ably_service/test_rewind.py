"""A key that may not read history: a rewind brings back what it can, and the rest is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ably_standin import AblyStandin, message
from app.ably_service import AlertKind
from app.store.records import MessageOrigin, MessageStatus


@pytest.fixture
def _no_history(ably: AblyStandin) -> None:
    ably.set_capability("standin.key", {"*": ["subscribe"]})


pytestmark = pytest.mark.usefixtures("_no_history")


async def test_the_missing_permission_is_told_once_and_shown(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    assert ingestion.feed("alpha").history_permitted is False
    assert ingestion.store.feeds.get("alpha").history_permitted is False
    await ingestion.stop()
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    (told,) = ingestion.alerted(AlertKind.HISTORY_FORBIDDEN)
    assert "capability `history`" in told


async def test_messages_of_a_short_absence_come_back_by_rewind(
    ably: AblyStandin, ingestion: Any
) -> None:
    ably.publish("alpha", message("before the first start"))
    ably.advance(1)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    await ingestion.stop()
    ably.publish("alpha", message("missed"))
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    statuses = dict(zip(ingestion.payloads(), ingestion.recorded(), strict=True))
    assert statuses["before the first start"].status is MessageStatus.BEFORE_FIRST_START
    assert statuses["missed"].status is MessageStatus.RECEIVED
    assert statuses["missed"].message.origin is MessageOrigin.REWIND
    assert not ingestion.store.feeds.gaps()


async def test_a_connection_that_is_not_resumed_is_rewound_afresh(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.force_non_resumed()
    ably.abort_connections()
    ably.publish("alpha", message("missed"))
    await ingestion.until(lambda: ingestion.payloads() == ["missed"])
    await ingestion.caught_up("alpha")


async def test_an_absence_longer_than_the_retention_is_a_gap(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    await ingestion.stop()
    ably.advance(3_600)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    (gap,) = ingestion.store.feeds.gaps()
    assert gap.ends_at > gap.begins_at
    assert ingestion.alerted(AlertKind.GAP)


async def test_a_hundred_messages_may_be_not_all_of_them(ably: AblyStandin, ingestion: Any) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    await ingestion.stop()
    ably.advance(10)
    for first in (0, 50, 100):
        ably.publish("alpha", [message(number) for number in range(first, first + 50)])
        ably.advance(0.1)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    assert sorted(ingestion.payloads()) == list(range(50, 150))
    (gap,) = ingestion.store.feeds.gaps()
    assert gap.ends_at == min(stored.message.timestamp for stored in ingestion.recorded())


async def test_a_batch_that_the_sdk_drops_does_not_make_it_rewind_for_ever(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.patience = replace(ingestion.patience, sweep_every=60.0)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.received.clear()
    ably.publish("alpha", {"data": "{", "encoding": "json"})
    ably.publish("alpha", message("after"))
    await ingestion.until(lambda: ingestion.payloads() == ["after"])
    await ingestion.caught_up("alpha")
    with pytest.raises(TimeoutError):
        await ably.received.wait("ATTACH", patience=0.2)


async def test_a_batch_that_the_sdk_drops_is_a_gap(ably: AblyStandin, ingestion: Any) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    known = ingestion.store.feeds.get("alpha").continuous_until
    frame = ably.publish("alpha", [message("lost"), {"data": "{", "encoding": "json"}])
    await ingestion.until(lambda: ingestion.alerted(AlertKind.GAP))
    (gap,) = ingestion.store.feeds.gaps(channel="alpha")
    assert known <= gap.begins_at
    published = frame["timestamp"] / 1_000
    assert gap.begins_at.timestamp() <= published <= gap.ends_at.timestamp()
    assert "could not be decoded" in gap.reason
    (told,) = ingestion.alerted(AlertKind.GAP)
    assert "may be lost" in told
    assert "added to it and not told again: see /feeds/gaps" in told
    await ingestion.caught_up("alpha")
    await ingestion.until(lambda: ingestion.feed("alpha").continuous_until > gap.ends_at)
    ably.publish("alpha", message("after"))
    await ingestion.until(lambda: ingestion.payloads() == ["after"])
    assert ingestion.store.feeds.gaps() == (gap,)


async def test_what_the_sdk_drops_of_a_rewind_is_a_gap(ably: AblyStandin, ingestion: Any) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    await ingestion.stop()
    frame = ably.publish("alpha", [message("lost"), {"data": "{", "encoding": "json"}])
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    (gap,) = ingestion.store.feeds.gaps()
    published = frame["timestamp"] / 1_000
    assert gap.begins_at.timestamp() <= published <= gap.ends_at.timestamp()


async def test_batches_that_are_dropped_in_a_row_are_one_gap(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.patience = replace(ingestion.patience, ping_every=60.0)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    last = [ably.publish("alpha", {"data": "{", "encoding": "json"}) for _ in range(20)][-1]
    published = last["timestamp"] / 1_000
    await ingestion.until(
        lambda: any(gap.ends_at.timestamp() >= published for gap in ingestion.store.feeds.gaps())
    )
    await ingestion.caught_up("alpha")
    assert len(ingestion.store.feeds.gaps()) == len(ingestion.alerted(AlertKind.GAP)) == 1


async def test_a_connection_that_cannot_be_had_drops_nothing(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.received.clear()
    ably.fail_upgrade(503)
    ably.abort_connections()
    await ingestion.until(lambda: not ingestion.feed("alpha").attached)
    await ingestion.a_moment(0.2)
    ably.fail_upgrade(None)
    await ingestion.caught_up("alpha")
    assert not ingestion.store.feeds.gaps()


async def test_a_permission_that_is_given_is_used_by_the_next_client(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.set_capability("standin.key", {"*": ["*"]})
    ably.disconnect(None)
    await ingestion.until(lambda: ingestion.feed("alpha").history_permitted)
    assert ingestion.store.feeds.get("alpha").history_permitted
