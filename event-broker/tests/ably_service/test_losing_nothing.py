"""Whatever happens to the connection, every message ends up in the store, once."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ably_standin import AblyStandin, message
from app.ably_service import AlertKind
from app.store.records import MessageOrigin, MessageStatus

REBALANCE = {"exec": "rebalance"}
#: A message whose data is not what its encoding says: the SDK drops its whole batch.
POISON = {"data": "{", "encoding": "json"}


def never_sweep(ingestion: Any) -> None:
    """So that only what is to be tested can find a message."""
    ingestion.patience = replace(ingestion.patience, sweep_every=60.0)


async def test_a_live_message_is_recorded_with_all_that_it_says(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    frame = ably.publish("alpha", message(REBALANCE, name="signal"))
    await ingestion.until(ingestion.recorded)
    (stored,) = ingestion.recorded()
    assert stored.status is MessageStatus.RECEIVED
    assert stored.message.origin is MessageOrigin.LIVE
    assert stored.message.message_id == f"{frame['id']}:0"
    assert stored.message.timestamp.timestamp() * 1_000 == frame["timestamp"]
    assert stored.message.name == "signal"
    assert ingestion.payloads() == [REBALANCE]
    assert ingestion.status.healthy


async def test_what_was_published_while_the_service_was_down_is_caught_up_with(
    ably: AblyStandin, ingestion: Any
) -> None:
    """Five frames, one of them a batch that the SDK cannot decode: nine messages, nine rows."""
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message(1))
    await ingestion.until(ingestion.recorded)
    await ingestion.stop()
    ably.publish("alpha", message(2))
    ably.publish("alpha", [message(3), POISON, message(4)])
    ably.publish("alpha", message(5))
    ably.publish("alpha", [message(6), message(7)])
    ably.publish("alpha", message(8))
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.redeliver("alpha")
    ably.publish("alpha", message(9))
    await ingestion.until(lambda: 9 in ingestion.payloads())
    by_time = sorted(ingestion.recorded(), key=lambda stored: stored.message.serial or "")
    sound = [s for s in by_time if s.status is MessageStatus.RECEIVED]
    poisoned = [s for s in by_time if s.status is MessageStatus.MALFORMED]
    assert sorted(p for p in ingestion.payloads() if p != "{") == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert (len(sound), len(poisoned)) == (9, 1)
    assert len({s.message.message_id for s in by_time}) == 10
    assert not ingestion.store.feeds.gaps()


async def test_a_resumed_connection_replays_what_was_missed(
    ably: AblyStandin, ingestion: Any
) -> None:
    never_sweep(ingestion)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.abort_connections()
    ably.publish("alpha", message("missed"))
    await ingestion.until(lambda: ingestion.payloads() == ["missed"])
    assert ingestion.recorded()[0].message.origin is MessageOrigin.LIVE


async def test_a_connection_that_is_not_resumed_is_completed_from_history(
    ably: AblyStandin, ingestion: Any
) -> None:
    never_sweep(ingestion)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.force_non_resumed()
    ably.abort_connections()
    ably.publish("alpha", message("missed"))
    await ingestion.until(lambda: ingestion.payloads() == ["missed"])
    assert ingestion.recorded()[0].message.origin is MessageOrigin.HISTORY


async def test_an_attached_channel_that_lost_continuity_is_completed_from_history(
    ably: AblyStandin, ingestion: Any
) -> None:
    never_sweep(ingestion)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("lost"), deliver=False)
    ably.additional_attached("alpha")
    await ingestion.until(lambda: ingestion.payloads() == ["lost"])


async def test_a_message_that_was_never_delivered_is_found_by_the_timer(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("lost"), deliver=False)
    await ingestion.until(lambda: ingestion.payloads() == ["lost"])


async def test_a_batch_that_the_sdk_drops_is_read_from_history_at_once_and_the_operator_told(
    ably: AblyStandin, ingestion: Any
) -> None:
    never_sweep(ingestion)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", [message("good"), POISON])
    await ingestion.until(lambda: len(ingestion.recorded()) == 2)
    statuses = {s.message.message_id[-1]: s.status for s in ingestion.recorded()}
    assert statuses == {"0": MessageStatus.RECEIVED, "1": MessageStatus.MALFORMED}
    await ingestion.until(lambda: ingestion.alerted(AlertKind.MALFORMED))
    (told,) = ingestion.alerted(AlertKind.MALFORMED)
    assert "nothing was traded on it" in told


async def test_a_message_that_comes_again_is_one_message_for_ever(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("once"), id="same:0")
    ably.redeliver("alpha")
    await ingestion.stop()
    ably.advance(3 * 3_600)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("once"), id="same:0")
    ably.publish("alpha", message("last"))
    await ingestion.until(lambda: "last" in ingestion.payloads())
    assert ingestion.payloads() == ["once", "last"]


async def test_history_of_many_pages_is_read_to_its_end(ably: AblyStandin, ingestion: Any) -> None:
    ingestion.start("strat a/1")
    await ingestion.caught_up("strat a/1")
    await ingestion.stop()
    ably.set_page_size(2)
    for number in range(7):
        ably.publish("strat a/1", message(number))
    ingestion.start("strat a/1")
    await ingestion.until(lambda: ingestion.payloads() == list(range(7)))


async def test_what_is_older_than_the_first_start_ever_is_no_order(
    ably: AblyStandin, ingestion: Any
) -> None:
    ably.publish("alpha", message("before"))
    ably.advance(1)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("after"))
    await ingestion.until(lambda: ingestion.payloads() == ["before", "after"])
    assert [stored.status for stored in ingestion.recorded()] == [
        MessageStatus.BEFORE_FIRST_START,
        MessageStatus.RECEIVED,
    ]


async def test_a_message_that_the_database_refuses_is_recorded_as_soon_as_it_can_be(
    ably: AblyStandin, ingestion: Any, tmp_path: Path
) -> None:
    never_sweep(ingestion)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    with sqlite3.connect(tmp_path / "events.db", isolation_level=None) as database:
        database.execute("ALTER TABLE messages RENAME TO gone")
        ably.publish("alpha", message("kept"))
        await ingestion.until(lambda: ingestion.feed("alpha").dirty)
        stuck_at = ingestion.feed("alpha").continuous_until
        assert not ingestion.status.healthy
        assert "read again from history" in ingestion.alerted(AlertKind.NOT_RECORDED)[0]
        await ingestion.until(lambda: ingestion.store.feeds.get("alpha").dirty)
        assert ingestion.feed("alpha").continuous_until == stuck_at
        database.execute("ALTER TABLE gone RENAME TO messages")
    database.close()
    await ingestion.caught_up("alpha")
    assert ingestion.payloads() == ["kept"]
    assert not ingestion.store.feeds.get("alpha").dirty


async def test_continuity_moves_on_with_every_answered_ping(
    ably: AblyStandin, ingestion: Any
) -> None:
    never_sweep(ingestion)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    first = ingestion.feed("alpha").continuous_until
    await ingestion.until(lambda: ingestion.feed("alpha").continuous_until > first)
    await ingestion.stop()
    assert ingestion.store.feeds.get("alpha").continuous_until > first


async def test_a_store_that_cannot_write_does_not_cost_the_connection(
    ably: AblyStandin, ingestion: Any, tmp_path: Path
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    with sqlite3.connect(tmp_path / "events.db", isolation_level=None) as database:
        database.execute("ALTER TABLE feeds RENAME TO gone")
        await ingestion.until(lambda: ingestion.feed("alpha").problem)
        ably.received.clear()
        await ably.received.wait("HEARTBEAT", count=3)
        database.execute("ALTER TABLE gone RENAME TO feeds")
    database.close()
    await ingestion.caught_up("alpha")
    assert ingestion.status.rebuilds == 0


async def test_continuity_stands_still_while_the_connection_is_down(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.patience = replace(ingestion.patience, disconnected=0.3)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.stop_listening()
    ably.abort_connections()
    await ingestion.until(lambda: ingestion.feed("alpha").problem is not None)
    stuck_at = ingestion.feed("alpha").continuous_until
    await ingestion.until(lambda: ingestion.status.rebuilds)
    assert ingestion.feed("alpha").continuous_until == stuck_at
    await ably.start_listening()
    await ingestion.caught_up("alpha")


class TestGaps:
    async def test_an_absence_longer_than_the_retention_is_a_gap_that_is_recorded_and_told(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        await ingestion.stop()
        known = ingestion.store.feeds.get("alpha").continuous_until
        ably.advance(3_600)
        ably.publish("alpha", message("gone for good"))
        ably.advance(2 * 3_600)
        ably.publish("alpha", message("kept"))
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        (gap,) = ingestion.store.feeds.gaps(channel="alpha")
        # What was about to be written down when it was told to stop may have been.
        assert known <= gap.begins_at < known + timedelta(seconds=10)
        length = gap.ends_at - gap.begins_at
        assert abs(length - timedelta(hours=3, minutes=-2)) < timedelta(seconds=10)
        assert ingestion.payloads() == ["kept"]
        assert ingestion.feed("alpha").gaps == 1
        (told,) = ingestion.alerted(AlertKind.GAP)
        assert told.startswith(f"messages on alpha between {gap.begins_at:%Y-%m-%d %H:%M:%S}")
        assert ingestion.status.healthy

    async def test_an_absence_within_the_retention_that_the_operator_knows_of_is_none(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ably.set_retention(24 * 3_600)
        ingestion.environment = replace(ingestion.environment, ably_history_retention=24 * 3_600)
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        await ingestion.stop()
        ably.publish("alpha", message("kept"))
        ably.advance(3 * 3_600)
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        assert ingestion.payloads() == ["kept"]
        assert not ingestion.store.feeds.gaps()

    async def test_history_that_reaches_back_further_than_promised_proves_that_there_is_none(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ably.set_retention(24 * 3_600)
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        ably.publish("alpha", message("old"))
        await ingestion.until(ingestion.recorded)
        first = ingestion.feed("alpha").continuous_until
        await ingestion.until(lambda: ingestion.feed("alpha").continuous_until > first)
        await ingestion.stop()
        ably.advance(3 * 3_600)
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        assert not ingestion.store.feeds.gaps()
        retention = ingestion.store.feeds.get("alpha").observed_retention
        assert timedelta(hours=3) <= retention < timedelta(hours=3, minutes=1)

    async def test_what_a_spare_process_received_is_none(
        self, ably: AblyStandin, ingestion: Any, spare: tuple[AblyStandin, Any]
    ) -> None:
        elsewhere, other = spare
        for process in (ingestion, other):
            process.start("alpha")
            await process.caught_up("alpha")

        async def time_passes() -> None:
            """Less than the retention, and the other process sees it pass."""
            known = other.feed("alpha").continuous_until
            for standin in (ably, elsewhere):
                standin.advance(100)
            later = known + timedelta(seconds=90)
            await other.until(lambda: other.feed("alpha").continuous_until > later)

        before = ingestion.feed("alpha").continuous_until
        ably.stop_listening()
        ably.abort_connections()
        for _ in range(3):
            await time_passes()
        await ably.start_listening()
        await ingestion.caught_up("alpha")
        assert ingestion.feed("alpha").continuous_until > before + timedelta(seconds=270)
        assert not ingestion.store.feeds.gaps()
        assert not ingestion.alerted(AlertKind.GAP)

    async def test_two_processes_that_find_the_same_one_tell_it_once(
        self, ably: AblyStandin, ingestion: Any, spare: tuple[AblyStandin, Any]
    ) -> None:
        elsewhere, other = spare
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        await ingestion.stop()
        for standin in (ably, elsewhere):
            standin.advance(3_600)
        ingestion.start("alpha")
        other.start("alpha")
        await ingestion.caught_up("alpha")
        await other.caught_up("alpha")
        assert len(ingestion.store.feeds.gaps()) == 1
        assert len(ingestion.alerted(AlertKind.GAP) + other.alerted(AlertKind.GAP)) == 1

    async def test_the_servers_clock_counts_however_wrong_this_machines_is(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ably.advance(5 * 3_600)
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        first = ingestion.feed("alpha").continuous_until
        ahead = first - datetime.now(UTC)
        assert abs(ahead - timedelta(hours=5)) < timedelta(seconds=30)
        await ingestion.stop()
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        assert not ingestion.store.feeds.gaps()


class TestRestTrouble:
    @pytest.mark.parametrize(
        "trouble",
        [{"status": 500}, {"body": "<html>proxy</html>"}, {"delay": 30.0}],
        ids=["HTTP 500", "not JSON", "slow"],
    )
    async def test_live_messages_are_recorded_and_the_missing_ones_follow(
        self, ably: AblyStandin, ingestion: Any, trouble: dict[str, Any]
    ) -> None:
        ingestion.patience = replace(ingestion.patience, request=0.1)
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        ably.fail_rest(**trouble)
        ably.publish("alpha", message("lost"), deliver=False)
        ably.publish("alpha", message("live"))
        await ingestion.until(lambda: ingestion.feed("alpha").problem is not None)
        await ingestion.until(lambda: ingestion.payloads() == ["live"])
        ably.fail_rest()
        await ingestion.until(lambda: ingestion.payloads() == ["live", "lost"])
        await ingestion.caught_up("alpha")

    async def test_an_expired_token_is_renewed(self, ably: AblyStandin, ingestion: Any) -> None:
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        ably.advance(2 * 3_600)
        ably.publish("alpha", message("lost"), deliver=False)
        await ingestion.until(lambda: ingestion.payloads() == ["lost"])
        assert ingestion.feed("alpha").problem is None
